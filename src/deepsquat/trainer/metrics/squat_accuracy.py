"""Accuracy by squat."""

from torchmetrics.functional.classification import binary_accuracy

from deepsquat.trainer.metrics import Answers


def squat_accuracy(answers: Answers) -> float:
    """Fraction of squats whose mean probability over their images falls on their label's side of a half."""
    truth, p_good = answers.per_squat()
    return float(binary_accuracy(p_good, truth.round().long()))
