"""What somebody calls good, by a few squats that they have labelled."""

from dataclasses import dataclass

import numpy as np

from deepsquat.evaluation.calibration import temperature
from deepsquat.evaluation.scores import Scores

_PRIOR_SPREAD = 1.5  # logits, of somebody's boundary around a model's own
_FEWEST_SUBJECTS = 3  # to be resampled
_MANY = 40  # squats from which on a temperature can be fitted


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
