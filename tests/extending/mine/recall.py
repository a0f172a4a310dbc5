"""A metric of one's own."""

from torchmetrics.functional.classification import binary_recall

from deepsquat.trainer.metrics import Answers


def recall(answers: Answers, threshold: float = 0.5) -> float:
    """Fraction of the good images whose probability of good form is above the threshold."""
    return float(binary_recall(answers.p_good, answers.truth, threshold))
