"""Layers near the figure alone, beside the same on whole images: equal outputs and gradients."""

import pytest
import torch
from torch import Tensor, nn

from deepsquat.model import figure
from deepsquat.model.convnet import ConvNet
from deepsquat.model.dropout import dropout_from
from deepsquat.model.figure import near_figure

HEIGHT, WIDTH = 45, 38


def drawn(height: int = HEIGHT, width: int = WIDTH) -> Tensor:
    """(10, 3, H, W), 0-255: figures within, at every edge, in corners, one lit pixel, black, all lit."""
    generator = torch.Generator().manual_seed(0)
    images = torch.zeros(10, height, width, 3)
    boxes = [
        *(
            (9, 25, 8, 20),
            (0, 9, 10, 19),
            (height - 8, height, 7, 16),
            (12, 23, 0, 6),
            (11, 26, width - 5, width),
        ),
        *(
            (0, 6, 0, 7),
            (height - 1, height, width - 1, width),
            (20, 21, 17, 18),
            (0, 0, 0, 0),
            (0, height, 0, width),
        ),
    ]
    for image, (top, bottom, left, right) in zip(images, boxes, strict=True):
        part = image[top:bottom, left:right]
        lit = torch.rand(part.shape[:2], generator=generator) < 0.3
        lit[:1, :1], lit[-1:, -1:] = True, True  # so that the box is filled
        part[:] = lit[..., None] * torch.randint(1, 256, part.shape, generator=generator)
    return images.permute(0, 3, 1, 2)


def block(kernel: int, padding: str | int, *more: nn.Module) -> nn.Sequential:
    torch.manual_seed(1)
    layers = nn.Sequential(
        *(nn.Conv2d(3, 6, kernel, padding=padding), nn.ReLU(inplace=True)),
        *(nn.Conv2d(6, 5, kernel, padding=padding), nn.MaxPool2d(2), nn.ReLU(inplace=True), *more),
    )
    for layer in layers:
        if isinstance(layer, nn.Conv2d):
            nn.init.normal_(layer.bias, std=5.0)  # so that black gives something
    return layers


def agree(layers: nn.Sequential, images: Tensor) -> None:
    ours, whole = near_figure(list(layers), images), layers(images)
    assert ours.shape == whole.shape and ours.stride() == whole.stride()
    torch.testing.assert_close(ours, whole, rtol=1e-4, atol=1e-3)
    towards = torch.randn(whole.shape, generator=torch.Generator().manual_seed(2))
    weights = list(layers.parameters())
    for mine, expected in zip(
        torch.autograd.grad(ours, weights, towards), torch.autograd.grad(whole, weights, towards), strict=True
    ):
        torch.testing.assert_close(mine, expected, rtol=1e-4, atol=2e-5 * float(expected.abs().max()))


@pytest.fixture
def crops(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """The sizes of what the layers were run on."""
    seen: list[tuple[int, ...]] = []
    through = figure._through

    def watched(layers: list[nn.Module], x: Tensor) -> Tensor:
        seen.append(tuple(x.shape))
        return through(layers, x)

    monkeypatch.setattr(figure, "_through", watched)
    return seen


@pytest.mark.parametrize("kernel", [2, 3, 4, 5, 7])
@pytest.mark.parametrize("padding", ["valid", "same"])
def test_outputs_and_gradients_are_those_of_the_layers_alone(
    kernel: int, padding: str, crops: list[tuple[int, ...]]
) -> None:
    agree(block(kernel, padding), drawn())
    # Eight figures, a black image, and a last pixel where a cell sees it.
    assert len(crops) == 9 + (padding == "same")
    agree(block(kernel, padding), drawn()[:1])


@pytest.mark.parametrize(
    "more",
    [
        (nn.AvgPool2d(3, stride=2, padding=1),),
        (nn.Conv2d(5, 4, 3, stride=2, padding=2), nn.ELU()),
        (nn.Conv2d(5, 4, (3, 1), stride=(1, 3), dilation=(2, 1), padding=(2, 0)), nn.MaxPool2d((2, 1))),
    ],
)
def test_strides_dilation_and_all_kinds_of_padding_are_allowed(more: tuple[nn.Module, ...]) -> None:
    for padding in (0, 1, "same"):
        agree(block(3, padding, *more), drawn())


def test_plain_memory_and_single_images_give_the_same() -> None:
    layers, images = block(3, "same"), drawn().contiguous()
    agree(layers, images)
    with torch.inference_mode():
        one = torch.cat([near_figure(list(layers), image[None]) for image in images])
        torch.testing.assert_close(one, layers(images), rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("size", [(9, 6), (6, 6), (7, 30), (12, 9)])
def test_images_of_a_few_cells_are_taken_too(size: tuple[int, int]) -> None:
    for padding in ("valid", "same"):
        for kernel in (2, 3):
            agree(block(kernel, padding), drawn(45, 38)[:, :, : size[0], : size[1]].contiguous())


def test_images_that_are_lit_all_over_or_want_a_gradient_go_through_whole(
    crops: list[tuple[int, ...]],
) -> None:
    layers = list(block(3, "valid"))
    full = drawn()[-1:].repeat(4, 1, 1, 1)
    near_figure(layers, full)
    assert crops.pop() == full.shape and not crops
    wanted = drawn().requires_grad_()
    near_figure(layers, wanted).sum().backward()
    assert crops == [wanted.shape] and wanted.grad is not None and bool(wanted.grad.any())


def test_what_is_not_finite_stays_so() -> None:
    layers, images = block(3, "valid"), drawn()[:2].clone()
    images[0, 1, 12, 12], images[1, 2, 3, 12] = float("nan"), -float("inf")
    ours, whole = near_figure(list(layers), images), layers(images)
    assert torch.equal(ours.isfinite(), whole.isfinite()) and not bool(whole.isfinite().all())


def test_layers_that_look_further_are_refused() -> None:
    for layer in (
        nn.BatchNorm2d(3),
        nn.Conv2d(3, 3, 3, padding=1, padding_mode="reflect"),
        nn.AdaptiveAvgPool2d(2),
    ):
        with pytest.raises(TypeError, match="cannot be computed near the figure"):
            near_figure([layer], drawn())


@pytest.mark.parametrize(
    "values", [{"blocks": 1}, {"blocks": 2, "padding": "same"}, {"blocks": 2, "kernel_size": 2}]
)
def test_a_network_draws_the_same_dropout_and_has_the_same_gradients(values: dict) -> None:
    torch.manual_seed(0)
    network = ConvNet(HEIGHT, WIDTH, **values).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    images, weights = drawn(), list(network.parameters())
    found = []
    for forward in (network, lambda x: network.output(network.hidden(network.blocks(x)))):
        with dropout_from(torch.Generator().manual_seed(3)):
            loss = forward(images).square().mean()
        found.append((loss, torch.autograd.grad(loss, weights)))
    (ours, mine), (whole, expected) = found
    assert ours.item() == pytest.approx(whole.item(), rel=1e-5)
    for a, b in zip(mine, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=2e-5 * float(b.abs().max()))


def test_a_network_can_be_exported_for_any_number_of_images() -> None:
    network, images = ConvNet(HEIGHT, WIDTH, blocks=1).eval(), drawn()
    program = torch.export.export(network, (images[:2],), dynamic_shapes=({0: torch.export.Dim("n")},))
    torch.testing.assert_close(program.module()(images), network(images), rtol=1e-4, atol=1e-3)
