"""The small plain network."""

import pytest
import torch

from deepsquat.errors import UserError
from deepsquat.model.plain import PlainNet


def test_it_gives_as_many_numbers_as_are_asked_for_of_one_image_too() -> None:
    network = PlainNet(24, 18, (4, 6), 8, outputs=15)
    assert network(torch.zeros(3, 3, 24, 18)).shape == (3, 15)
    assert network(torch.zeros(1, 3, 24, 18)).shape == (1, 15)  # the rest of an epoch, while it trains
    assert network.eval()(torch.zeros(1, 3, 24, 18)).shape == (1, 15)
    assert network.hidden.weight.shape == (8, 6 * 6 * 4)  # 24 x 18 halved twice


def test_what_cannot_be_made_is_named() -> None:
    with pytest.raises(UserError, match=r"model\.widths: 3 halvings leave nothing of 7 x 48 pixels"):
        PlainNet(7, 48, (4, 4, 4))
    with pytest.raises(UserError, match=r"model\.widths and model\.hidden must be 1 or more"):
        PlainNet(24, 18, ())
