"""Accuracy by image."""

from torchmetrics.functional.classification import binary_accuracy

from deepsquat.trainer.metrics import Answers


def image_accuracy(answers: Answers) -> float:
    """Fraction of images whose probability of good form falls on their label's side of a half."""
    return float(binary_accuracy(answers.p_good, answers.truth))
