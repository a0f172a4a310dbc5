"""What the rows about training count."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from bench.training import convnet, noise, operations, plain_network
from deepsquat.model.convnet import ConvNet


@pytest.mark.parametrize(("blocks", "kernel"), [(1, 3), (3, 2), (4, 3)])
def test_operations_are_those_that_torch_counts(blocks: int, kernel: int) -> None:
    model = convnet(blocks, kernel)
    with FlopCounterMode(display=False) as counter:
        plain_network(model)(torch.rand(1, 3, 192, 108)).sum().backward()
    assert operations(model) == pytest.approx(counter.get_total_flops(), rel=1e-6)


def test_the_bare_loop_has_the_same_network() -> None:
    ours, plain = ConvNet(192, 108), plain_network(convnet(4))
    for weight, other in zip(plain.parameters(), ours.parameters(), strict=True):
        weight.data = other.data
    images = torch.randint(0, 256, (2, 3, 192, 108)).float()
    torch.testing.assert_close(plain.eval()(images), ours.eval()(images), rtol=1e-4, atol=1e-3)


def test_images_are_as_black_as_those_of_drawn_squats() -> None:
    """0.17 of an image in the box, 0.35 of that lit, and every second image a quarter of it."""
    made = noise(200)
    assert made.shape == (200, 192, 108, 3) and made.dtype == "uint8"
    assert float(made.any(axis=3).mean()) == pytest.approx(0.17 * 0.35 * 5 / 8, rel=0.1)
    assert len({image.tobytes() for image in made}) == 200
