"""An epoch's means, by hand."""

import pytest
import torch

from deepsquat.trainer.classifier import _Epoch
from deepsquat.trainer.metrics.accuracy import accuracy
from deepsquat.trainer.target import GoodOrBad


def test_an_epochs_train_values_are_weighed_by_images() -> None:
    """The paper's 8,544 images: 17 steps of 500, with one output in two right, and one of 44, with none.

    bce: (17 * 500 * 1 + 44 * 10) / 8544 = 8940 / 8544 = 1.046348 (by steps 27 / 18 = 1.5).
    accuracy: 17 * 500 * 0.5 / 8544 = 0.497425, and not 17 / 36 = 0.472222.
    """
    epoch = _Epoch()
    for bce, outputs, images in [(1.0, [1.0, 1.0], 500)] * 17 + [(10.0, [1.0, -1.0], 44)]:
        good = torch.ones(images, dtype=torch.int64)
        epoch.add(torch.tensor([bce, 2.0]), torch.tensor(outputs).expand(images, 2), good, good)
    assert epoch.means() == pytest.approx((1.046348, 2.0), abs=1e-6)
    assert accuracy(epoch.answers(GoodOrBad())) == pytest.approx(0.497425, abs=1e-6)
