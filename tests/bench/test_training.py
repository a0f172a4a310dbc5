"""What the rows about training count."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from bench.training import convnet, operations, plain_network
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
