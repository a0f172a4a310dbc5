"""Whether a probability means what it says, and from which one on a squat is good."""

import numpy as np

from deepsquat.evaluation.reliability import bins_of

_RIDGE = 1e-4  # so that labels which are parted wholly have a boundary too


def temperature(logits: np.ndarray, label: np.ndarray) -> float:
    """By what logits (n,) are divided so that their cross-entropy to labels (n,) 0 or 1 is least, .05 to 20.

    A label counts as (k + 1) / (k + 2) for what it says, of the k squats that have it, and else for the
    contrary: so that a few squats that are all told rightly do not make every answer certain.

    Guo, Pleiss, Sun, Weinberger, On calibration of modern neural networks, ICML 2017; Platt, Probabilistic
    outputs for support vector machines, 1999.
    """
    candidates = np.geomspace(0.05, 20, 1200)
    good, bad = int(np.sum(label == 1)), int(np.sum(label == 0))
    wanted = np.where(label == 1, (good + 1) / (good + 2), 1 / (bad + 2))
    costs = [(np.logaddexp(0, logits / t) - wanted * logits / t).mean() for t in candidates]
    return float(candidates[int(np.argmin(costs))])


def calibration_error(p_good: np.ndarray, label: np.ndarray) -> float:
    """The expected calibration error of probabilities (n,) over ten bins of equal width."""
    number = bins_of(p_good)
    missed = [abs(p_good[number == i].mean() - label[number == i].mean()) for i in np.unique(number)]
    return float(np.dot(missed, np.unique(number, return_counts=True)[1]) / len(label))


def fitted(logits: np.ndarray, label: np.ndarray, source: np.ndarray | None = None) -> tuple[float, float]:
    """Slope and offset of the logistic regression of labels (n,) 0 or 1 on logits (n,), by Newton's method.

    Each label has half of the weight, however many squats have it, and each of several sources (n,) as much.
    Platt, Probabilistic outputs for support vector machines, 1999; a little ridge, so that labels which are
    parted wholly have an answer too.
    """
    kind = label if source is None else np.unique(source, return_inverse=True)[1] * 2 + label
    _, kind, count = np.unique(kind, return_inverse=True, return_counts=True)
    weight = 1 / count[kind] / len(count)
    columns = np.stack([logits, np.ones_like(logits)], axis=1)
    sign = np.where(label == 1, -1.0, 1.0)

    def cost(at: np.ndarray) -> float:
        return float(weight @ np.logaddexp(0, sign * (columns @ at)) + _RIDGE / 2 * at @ at)

    found = np.zeros(2)
    for _ in range(50):
        p = 1 / (1 + np.exp(-np.clip(columns @ found, -700, 700)))
        slope = columns.T @ (weight * (label - p)) - _RIDGE * found
        curve = (columns * (weight * p * (1 - p))[:, None]).T @ columns + _RIDGE * np.eye(2)
        step = np.linalg.solve(curve, slope)
        while cost(found + step) > cost(found) and np.abs(step).max() > 1e-9:
            step = step / 2  # where the labels are parted wholly, a whole step may go too far
        found = found + step
        if np.abs(step).max() < 1e-9:
            break
    return float(found[0]), float(found[1])


def boundary(logits: np.ndarray, label: np.ndarray) -> float | None:
    """The logit from which on to say good, where both labels count alike, however many squats have each.

    By `fitted`: smoother than the threshold of the best balanced accuracy. None where it finds that a higher
    logit speaks against good.
    """
    slope, offset = fitted(logits, label)
    return -offset / slope if slope > 0 else None


def by_others(logits: np.ndarray, label: np.ndarray, group: np.ndarray) -> np.ndarray | None:
    """Probabilities (n,) whose slope and offset were fitted on the logits of all other groups (n,).

    So nobody's own labels set the standard that they are judged by. None where the others of some group have
    one label, or there are none.
    """
    found = np.empty(len(logits))
    for name in np.unique(group):
        own, others = group == name, group != name
        if len(np.unique(label[others])) < 2:
            return None
        slope, offset = fitted(logits[others], label[others])
        found[own] = 1 / (1 + np.exp(-np.clip(slope * logits[own] + offset, -700, 700)))
    return found
