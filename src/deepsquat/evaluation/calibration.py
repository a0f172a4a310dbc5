"""Whether a probability means what it says, and from which one on a squat is good."""

import numpy as np

from deepsquat.evaluation.scores import balanced_accuracy

_BINS = 10


def temperature(logits: np.ndarray, label: np.ndarray) -> float:
    """By what logits (n,) are divided so that their cross-entropy to labels (n,) 0 or 1 is least, .05 to 20.

    Guo, Pleiss, Sun, Weinberger, On calibration of modern neural networks, ICML 2017.
    """
    candidates = np.geomspace(0.05, 20, 1200)
    sign = np.where(label == 1, -1.0, 1.0)
    costs = [np.logaddexp(0, sign * logits / t).mean() for t in candidates]
    return float(candidates[int(np.argmin(costs))])


def calibration_error(p_good: np.ndarray, label: np.ndarray) -> float:
    """The expected calibration error of probabilities (n,) over ten bins of equal width."""
    number = np.minimum((p_good * _BINS).astype(int), _BINS - 1)
    missed = [abs(p_good[number == i].mean() - label[number == i].mean()) for i in np.unique(number)]
    return float(np.dot(missed, np.unique(number, return_counts=True)[1]) / len(label))


def best_threshold(p_good: np.ndarray, label: np.ndarray) -> float:
    """The probability from which to say good for the best balanced accuracy; of ties, that next to a half."""
    order = np.unique(p_good)
    between = np.concatenate([[0.0], (order[1:] + order[:-1]) / 2, [1.0]])
    scores = np.array([balanced_accuracy(label, p_good >= at) for at in between])
    best = between[scores >= scores.max() - 1e-12]
    return float(best[np.argmin(np.abs(best - 0.5))])
