"""The network against the figures of the paper's implementation and against a reference written from them."""

import numpy as np
import pytest
import torch
from torch.nn.functional import conv2d, linear, max_pool2d

from deepsquat.errors import UserError
from deepsquat.model.convnet import ConvNet
from deepsquat.model.dropout import Dropout
from deepsquat.model.network import Network, tried
from deepsquat.optim.adam import AdamOptions
from deepsquat.trainer.classifier import Classifier
from deepsquat.trainer.pieces import in_pieces
from deepsquat.trainer.steps import make_step, penalty_of
from deepsquat.trainer.target import GoodOrBad

PARAMETERS = {
    (1, 3): 40_089_730,
    (2, 3): 8_921_442,
    (3, 3): 920_994,
    (4, 3): 353_826,
    (3, 2): 1_041_346,
    (3, 4): 763_970,
}
PENALTY = {1: 411.0, 2: 485.0, 3: 555.1, 4: 647.1}


def chosen(height: int, width: int, **values: object) -> Network:
    return tried(ConvNet, {"height": height, "width": width, **values}, (3, height, width), 2)


@pytest.mark.parametrize(("blocks", "kernel"), PARAMETERS)
def test_has_the_papers_number_of_parameters(blocks: int, kernel: int) -> None:
    assert chosen(192, 108, blocks=blocks, kernel_size=kernel).parameters == PARAMETERS[blocks, kernel]


@pytest.mark.parametrize("blocks", PENALTY)
def test_starts_with_the_papers_sum_of_squared_weights(blocks: int) -> None:
    """Glorot's variance gives an expected sum; few large layers keep a draw within half a percent."""
    torch.manual_seed(1)
    classifier = Classifier(chosen(192, 108, blocks=blocks), GoodOrBad(), {}, AdamOptions(l2=1.0))
    assert float(penalty_of(classifier.loss, torch.device("cpu"))) == pytest.approx(
        PENALTY[blocks], rel=0.005
    )
    biases = [p for name, p in classifier.network.named_parameters() if name.endswith("bias")]
    assert biases and not any(bias.any() for bias in biases)


def reference_forward(weights: list[torch.Tensor], images: torch.Tensor) -> torch.Tensor:
    """Two blocks and three Dense layers, from weights and biases in their order, without dropout."""
    x = images.double()
    for block in range(2):
        for conv in range(2):
            w, b = weights[4 * block + 2 * conv : 4 * block + 2 * conv + 2]
            x = conv2d(x, w, b).clamp(min=0)
        x = max_pool2d(x, 2)
    x = x.flatten(1)
    for w, b in (weights[8:10], weights[10:12]):
        x = linear(x, w, b).clamp(min=0)
    return linear(x, *weights[12:14]).sigmoid()


def test_loss_penalty_and_one_adam_step_agree_with_a_reference() -> None:
    torch.manual_seed(0)
    lr, l2 = 1e-3, 1e-2
    options = AdamOptions(lr=lr, l2=l2, batch_size=5)
    classifier = Classifier(chosen(32, 24, blocks=2, dropout=0.0), GoodOrBad(), {}, options)
    network = classifier.network
    images = torch.randint(0, 256, (5, 3, 32, 24), dtype=torch.uint8)
    label = torch.tensor([0, 1, 1, 0, 1])
    weights = [p.detach().double().clone().requires_grad_() for p in network.parameters()]

    p = reference_forward(weights, images).clamp(1e-7, 1 - 1e-7)
    target = torch.stack([1.0 - label, label.double()], dim=1)
    bce = -(target * p.log() + (1 - target) * (1 - p).log()).mean()
    penalty = l2 * sum((w**2).sum() for w in weights[:12:2])  # every weight but the last Dense's
    (bce + penalty).backward()

    optimizer = classifier.configure_optimizers()
    step = make_step(network, classifier.loss, optimizer, 5, torch.device("cpu"), 2**20)
    measures, outputs = step(images, label)  # pieces of four and one
    assert measures.tolist() == pytest.approx([bce.item(), penalty.item()], rel=1e-5)
    np.testing.assert_allclose(outputs.sigmoid().numpy(), p.detach().numpy(), rtol=1e-4, atol=2e-7)
    for mine, reference in zip(network.parameters(), weights, strict=True):
        g = reference.grad
        assert g is not None
        # Adam's first step: m is a tenth of g, v a thousandth of its square, and epsilon is Keras's.
        expected = reference.detach() - lr * 0.001**0.5 / 0.1 * 0.1 * g / (0.001**0.5 * g.abs() + 1e-7)
        moved = (g.abs() > 1e-4).numpy()  # below, rounding of g decides
        np.testing.assert_allclose(
            mine.detach().numpy()[moved], expected.numpy()[moved], rtol=2e-4, atol=2e-7
        )


def test_dropout_keeps_each_value_or_not_and_the_mean() -> None:
    torch.manual_seed(0)
    dropout, x = Dropout(0.25), torch.rand(7, 5, 33, 31).add(0.5).to(memory_format=torch.channels_last)
    x.requires_grad_()
    kept = dropout(x)
    assert (kept == 0).float().mean().item() == pytest.approx(0.25, abs=0.01)
    torch.testing.assert_close(kept[kept != 0], x[kept != 0] / 0.75)
    assert len({image.ne(0).numpy().tobytes() for image in kept.detach()}) == 7
    kept.sum().backward()
    assert torch.equal(x.grad == 0, kept == 0)
    assert dropout.eval()(x) is x
    assert Dropout(0.0)(x) is x


def test_dropout_takes_a_part_of_a_tensor_and_one_image_for_several() -> None:
    dropout, x = Dropout(0.5), torch.ones(6, 100)
    assert dropout(x[:, :31]).shape == (6, 31)
    several = dropout(x[:1].expand(6, 100))
    assert not all(torch.equal(several[0], other) for other in several[1:])


def test_pieces_answer_as_the_whole_batch_does() -> None:
    torch.manual_seed(0)
    network = ConvNet(32, 24, blocks=2).eval()
    images = torch.randint(0, 256, (11, 3, 32, 24), dtype=torch.uint8)
    torch.testing.assert_close(in_pieces(network, images, 4), network(images.float()), rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize(
    ("blocks", "kernel", "size", "block"),
    [
        (6, 3, (192, 108), "block 5 of 6"),
        (3, 7, (100, 66), "block 3 of 3"),
        (4, 3, (144, 75), "block 4 of 4"),
    ],
)
def test_refuses_to_shrink_an_image_to_nothing(
    blocks: int, kernel: int, size: tuple[int, int], block: str
) -> None:
    with pytest.raises(UserError, match=block):
        ConvNet(*size, blocks=blocks, kernel_size=kernel)


@pytest.mark.parametrize("kernel", [2, 3, 4, 5, 6, 7])
@pytest.mark.parametrize("padding", ["valid", "same"])
def test_every_kernel_and_padding_gives_the_shape_that_was_foretold(kernel: int, padding: str) -> None:
    network = ConvNet(65, 51, 2, kernel, padding=padding, widths=(4, 6), hidden=(5,))
    features = network.blocks(torch.zeros(2, 3, 65, 51))
    assert features.shape == (2, network.units[0])
    assert network(torch.zeros(2, 3, 65, 51)).shape == (2, 2)


@pytest.mark.parametrize(
    "values", [{"lr": 0.0}, {"lr": -1.0}, {"lr": float("nan")}, {"l2": -1.0}, {"batch_size": 0}]
)
def test_refuses_impossible_optimisation(values: dict) -> None:
    with pytest.raises(UserError, match=f"optim.{next(iter(values))}"):
        AdamOptions(**values)
