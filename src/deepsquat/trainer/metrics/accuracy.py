"""Accuracy as the paper reports it."""

import torch
from torchmetrics.functional.classification import binary_accuracy

from deepsquat.trainer.metrics import Answers
from deepsquat.trainer.metrics.image_accuracy import image_accuracy


def accuracy(answers: Answers) -> float:
    """Fraction of outputs on their side of a half, the two of an image counted apart.

    Of a network whose outputs are not bad and good form: of images.
    """
    if answers.outputs.shape[1] != 2:
        return image_accuracy(answers)
    target = torch.stack([1 - answers.truth, answers.truth], dim=1)
    return float(binary_accuracy(answers.outputs.sigmoid().flatten(), target.flatten()))
