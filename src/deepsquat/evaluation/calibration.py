"""Whether a probability means what it says, and from which one on a squat is good."""

import numpy as np

_BINS = 10
_RIDGE = 1e-4  # so that labels which are parted wholly have a boundary too


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


def boundary(logits: np.ndarray, label: np.ndarray) -> float:
    """The logit from which on to say good, where both labels count alike, however many squats have each.

    By logistic regression of labels (n,) 0 or 1 on logits (n,), each label with half of the weight: smoother
    than the threshold of the best balanced accuracy. Newton's method.
    """
    weight = np.where(label == 1, 0.5 / max(1, np.sum(label == 1)), 0.5 / max(1, np.sum(label == 0)))
    columns = np.stack([logits, np.ones_like(logits)], axis=1)
    found = np.zeros(2)
    for _ in range(50):
        p = 1 / (1 + np.exp(-(columns @ found)))
        slope = columns.T @ (weight * (label - p)) - _RIDGE * found
        curve = (columns * (weight * p * (1 - p))[:, None]).T @ columns + _RIDGE * np.eye(2)
        found = found + np.linalg.solve(curve, slope)
    return float(-found[1] / found[0])
