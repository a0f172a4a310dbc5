"""Whether a probability means what it says, and from which one on a squat is good."""

from dataclasses import dataclass

import numpy as np

from deepsquat.evaluation.scores import Scores

_PRIOR_SPREAD = 1.5  # logits, of somebody's boundary around a model's own
_FEWEST_SUBJECTS = 3  # to be resampled
_MANY = 40  # squats from which on a temperature can be fitted

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


@dataclass(frozen=True)
class OwnStandard:
    """What somebody calls good, in logits of a model."""

    boundary: tuple[float, float, float]  # lower end of the 95 % interval, where good begins, upper end
    temperature: float  # by which a logit is divided


def own_standard(scores: Scores, prior: float, seed: int, resamples: int = 300) -> OwnStandard:
    """What somebody's labels say of a model's scores, which are logits.

    The boundary is the most probable one after a normal prior around the model's own, `prior`, so that few
    squats move it a little and many all the way. The interval is of resampled squats, or of resampled
    subjects where there are three or more. The temperature stays 1 below forty squats.
    """
    found = _own_boundary(scores.score, scores.label, prior)
    subjects = sorted(set(scores.subject) - {""})
    groups = [np.flatnonzero(scores.subject == who) for who in subjects]
    if len(groups) < _FEWEST_SUBJECTS or (scores.subject == "").any():
        groups = [np.array([row]) for row in range(len(scores.score))]
    rng = np.random.default_rng(seed)
    others: list[float] = []
    while len(others) < resamples:
        rows = np.concatenate([groups[i] for i in rng.integers(len(groups), size=len(groups))])
        others.append(_own_boundary(scores.score[rows], scores.label[rows], prior))
    low, high = np.quantile(others, [0.025, 0.975])
    warm = temperature(scores.score - found, scores.label) if len(scores.score) >= _MANY else 1.0
    return OwnStandard((min(float(low), found), found, max(float(high), found)), warm)


def _own_boundary(logits: np.ndarray, label: np.ndarray, prior: float) -> float:
    candidates = prior + np.linspace(-8, 8, 801)
    count = {value: max(1, int(np.sum(label == value))) for value in (0, 1)}
    weight = np.where(label == 1, 0.5 / count[1], 0.5 / count[0]) * len(label)
    sign = np.where(label == 1, -1.0, 1.0)
    costs = (weight * np.logaddexp(0, sign * (logits - candidates[:, None]))).sum(axis=1)
    costs = costs + (candidates - prior) ** 2 / (2 * _PRIOR_SPREAD**2)
    return float(candidates[int(np.argmin(costs))])
