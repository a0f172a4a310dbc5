"""The loss, worked out by hand."""

import math

import pytest
import torch

from deepsquat.trainer.target import GoodOrBad


def test_probabilities_are_clipped_as_keras_does() -> None:
    """Of a good squat, target (0, 1): logits 20 and 2 say that it is bad beyond doubt, and good at 0.880797.

    The first costs -log(1e-7) = 16.118096 and has no gradient; the second costs -log(0.880797) = 0.126928,
    and its gradient is 0.880797 - 1 = -0.119203. Both are halved by the mean over two outputs.
    """
    logits = torch.tensor([[20.0, 2.0]], requires_grad=True)
    loss = GoodOrBad().loss(logits, torch.tensor([1]))
    loss.backward()
    assert loss.item() == pytest.approx((16.118096 + 0.126928) / 2, abs=1e-5)
    assert logits.grad is not None
    assert logits.grad.tolist() == [[0.0, pytest.approx(-0.119203 / 2, abs=1e-6)]]
    assert math.isnan(GoodOrBad().loss(torch.tensor([[math.nan, 0.0]]), torch.tensor([1])))
