"""Accuracy as the paper reports it."""

import torch
from torchmetrics.functional.classification import binary_accuracy

from deepsquat.trainer.metrics import Answers


def accuracy(answers: Answers) -> float:
    """Fraction of outputs on their side of a half, the two of an image counted apart."""
    target = torch.stack([1 - answers.truth, answers.truth], dim=1)
    return float(binary_accuracy(answers.outputs.sigmoid().flatten(), target.flatten()))
