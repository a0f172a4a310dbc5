"""Any module is a network, or is refused in one line before there are data."""

import pytest
import torch
from torch import Tensor, nn

from deepsquat.errors import UserError
from deepsquat.model.convnet import ConvNet
from deepsquat.model.mlp import MLP
from deepsquat.model.network import Network, tried
from deepsquat.model.resnet import ResNet

SHAPE = (3, 32, 18)


class Net(nn.Module):
    """Its head is registered before its body, and one layer is never used."""

    def __init__(self, outputs: int = 2) -> None:
        super().__init__()
        self.head = nn.Linear(4, outputs)
        self.body = nn.Conv2d(3, 4, 3)
        self.unused = nn.Linear(5, 5)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.body(images).mean(dim=(2, 3)))


class NeedsValues(Net):
    """Asks for a value, which nothing has on torch's device without memory."""

    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images * float(images.max().item() >= 0))


class Lazy(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(nn.Flatten(), nn.LazyLinear(5), nn.ReLU(), nn.Linear(5, 2))


class Pair(Net):
    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        return super().forward(images), images


class Frozen(Net):
    def __init__(self) -> None:
        super().__init__()
        self.requires_grad_(False)


class FailsToBeMade(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        raise ValueError("no\nsuch thing")


class Fails(Net):
    def forward(self, images: Tensor) -> Tensor:
        return self.head(images)


class OneBatchSize(Net):
    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images)[:2]


class Computed(nn.Sequential):
    def __init__(self) -> None:
        layer = nn.utils.parametrizations.weight_norm(nn.Linear(3 * 32 * 18, 4))
        super().__init__(nn.Flatten(), layer, nn.Linear(4, 2))


class Tied(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(
            nn.Flatten(), nn.Linear(3 * 32 * 18, 4), nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 2)
        )
        self[3].weight = self[2].weight


class SaysSo(Computed):
    def penalised(self) -> list[Tensor]:
        return [self[2].weight, self[2].weight]

    def describe(self) -> str:
        return "one that says so"


def chosen(cls: type[nn.Module], **arguments: object) -> Network:
    return tried(cls, arguments, SHAPE, 2)


def test_l2_falls_on_all_layers_that_run_but_the_last() -> None:
    assert chosen(Net).penalised == ("body.weight",)
    assert chosen(Lazy).penalised == ("1.weight",)
    assert chosen(Tied).penalised == ("1.weight", "2.weight")
    assert chosen(ResNet).penalised[0] == "stem.0.0.weight"
    assert len(chosen(ResNet).penalised) == 10 and "output.weight" not in chosen(ResNet).penalised


def test_a_network_may_say_what_l2_falls_on_and_how_runs_are_named() -> None:
    assert chosen(SaysSo).penalised == ("2.weight",)
    assert chosen(SaysSo).description == "one that says so"
    assert chosen(MLP, hidden=(8,)).description == "MLP hidden=(8,)"
    assert chosen(ConvNet, height=32, width=18, blocks=1).description == "1 blocks, kernel 3"


def test_a_network_that_asks_for_values_is_tried_on_the_cpu() -> None:
    found = chosen(NeedsValues)
    assert (found.penalised, found.parameters) == (("body.weight",), chosen(NeedsValues).parameters)


def test_a_trial_draws_nothing_and_leaves_nothing() -> None:
    torch.manual_seed(0)
    before = torch.get_rng_state()
    found = [chosen(cls) for cls in (NeedsValues, ResNet, Lazy)]
    assert torch.equal(torch.get_rng_state(), before)
    for network in (chosen.make() for chosen in found):
        assert network.training and {p.device.type for p in network.parameters()} == {"cpu"}
        for name, value in network.named_buffers():
            assert float(value.sum()) == (len(value) if name.endswith("running_var") else 0), name


def test_what_an_image_leaves_behind_is_counted() -> None:
    """The input, the convolution's output and its ReLU's, which share one memory or not; in float32."""
    network = tried(ConvNet, {"height": 64, "width": 48, "blocks": 1, "widths": (8,)}, (3, 64, 48), 2)
    least = 4 * (3 * 64 * 48 + 8 * 62 * 46 + 8 * 60 * 44)
    assert least < network.bytes_per_image < 2 * least


@pytest.mark.parametrize("cls", [ConvNet, MLP, ResNet])
def test_what_is_shipped_gives_two_logits_and_a_gradient_everywhere(cls: type[nn.Module]) -> None:
    arguments = {"height": 144, "width": 81} if cls is ConvNet else {}
    network = tried(cls, arguments, (3, 144, 81), 2).make()
    logits = network(torch.randint(0, 256, (3, 3, 144, 81)).float())
    assert logits.shape == (3, 2)
    logits.sum().backward()
    assert all(p.grad is not None for p in network.parameters())


@pytest.mark.parametrize(
    ("cls", "arguments", "message"),
    [
        (Net, {"outputs": 10}, r"Net: for 2 images it gives the shape \(2, 10\), but must give \(2, 2\)"),
        (Pair, {}, "it gives a tuple"),
        (Frozen, {}, "nothing in it could be trained"),
        (FailsToBeMade, {}, r"ValueError: no such thing \(test_network.py, line \d+\)"),
        (Net, {"inputs": 3}, "TypeError: .* unexpected keyword argument 'inputs'"),
        (Fails, {}, r"RuntimeError: .* \(test_network.py, line \d+\)"),
        (OneBatchSize, {}, "for 3 images it gives the shape"),
        (Computed, {}, "1 of the weights that L2 would fall on are none of its parameters"),
        (MLP, {"hidden": (10**12,)}, r"parameters would take [\d,.]+ GiB of memory"),
        (MLP, {"hidden": (10**12, 10**12)}, "model._target_=deepsquat.model.mlp.MLP: "),
        (MLP, {"hidden": (0,)}, "^model.hidden must be 1 or more each"),
        (MLP, {"dropout": 1.0}, "^model.dropout must be at least 0 and below 1"),
        (ResNet, {"blocks": 0}, "^model.blocks must be 1 or more"),
        (ResNet, {"widths": ()}, "^model.widths must be 1 or more each"),
        (ConvNet, {"height": 32, "width": 18, "blocks": 4}, "^model: block 3 of 4 would shrink"),
    ],
)
def test_what_cannot_be_trained_is_one_line(cls: type[nn.Module], arguments: dict, message: str) -> None:
    with pytest.raises(UserError, match=message) as refused:
        tried(cls, arguments, SHAPE, 2)
    assert "\n" not in str(refused.value)
