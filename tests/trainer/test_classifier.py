"""An epoch's means, by hand."""

import pytest
import torch

from deepsquat.trainer.classifier import _Epoch


def test_an_epochs_train_values_are_weighed_by_images() -> None:
    """The paper's 8,544 images: 17 steps of 500 and one of 44.

    bce: (17 * 500 * 1 + 44 * 10) / 8544 = 8940 / 8544 = 1.046348 (by steps 27 / 18 = 1.5).
    accuracy: 17 * 500 * 0.5 / 8544 = 0.497425, and not 17 / 36 = 0.472222.
    """
    epoch = _Epoch()
    for bce, accuracy, images in [(1.0, 0.5, 500)] * 17 + [(10.0, 0.0, 44)]:
        epoch.measures.append(torch.tensor([bce, 2.0, accuracy]))
        epoch.images.append(images)
    metrics = epoch.metrics()
    assert metrics["bce"] == pytest.approx(1.046348, abs=1e-6)
    assert metrics["accuracy"] == pytest.approx(0.497425, abs=1e-6)
    assert metrics["l2_penalty"] == pytest.approx(2.0)
    assert metrics["loss"] == pytest.approx(3.046348, abs=1e-6)
