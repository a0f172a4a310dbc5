"""What somebody calls good, by a few squats that they have labelled."""

from dataclasses import dataclass

import numpy as np

from deepsquat.evaluation.calibration import temperature
from deepsquat.evaluation.intervals import FEWEST
from deepsquat.evaluation.scores import Scores

_PRIOR_SPREAD = 1.5  # logits, of somebody's boundary around a model's own
_MANY = 40  # squats from which on a temperature can be fitted


@dataclass(frozen=True)
class OwnStandard:
    """What somebody calls good, in logits of a model."""

    boundary: tuple[float, float, float]  # lower end of the 95 % interval, where good begins, upper end
    temperature: float  # by which a logit is divided


def own_standard(scores: Scores, prior: float, seed: int, resamples: int = 300) -> OwnStandard:
    """What somebody's labels say of a model's scores, which are logits.

    The boundary is the most probable one after a normal prior around the model's own, `prior`, so that few
    squats move it a little and many all the way. The interval holds 95 % of what is probable after the
    labels; where five or more subjects are known, it is as wide at least as that of subjects drawn anew.
    The temperature stays 1 below forty squats.
    """
    candidates, cost = _costs(scores.score, scores.label, prior)
    found = _most_probable(candidates, cost)
    share = np.cumsum(np.exp(cost.min() - cost))
    ends = np.interp([0.025, 0.975], share / share[-1], candidates)
    subjects = sorted(set(scores.subject) - {""})
    if len(subjects) >= FEWEST and not (scores.subject == "").any():
        groups = [np.flatnonzero(scores.subject == who) for who in subjects]
        rng = np.random.default_rng(seed)
        others: list[float] = []
        while len(others) < resamples:
            rows = np.concatenate([groups[i] for i in rng.integers(len(groups), size=len(groups))])
            others.append(_most_probable(*_costs(scores.score[rows], scores.label[rows], prior)))
        drawn = np.quantile(others, [0.025, 0.975])
        ends = np.array([min(ends[0], drawn[0]), max(ends[1], drawn[1])])
    warm = temperature(scores.score - found, scores.label) if len(scores.score) >= _MANY else 1.0
    return OwnStandard((min(float(ends[0]), found), found, max(float(ends[1]), found)), warm)


def _most_probable(candidates: np.ndarray, cost: np.ndarray) -> float:
    return float(candidates[int(np.argmin(cost))])


def _costs(logits: np.ndarray, label: np.ndarray, prior: float) -> tuple[np.ndarray, np.ndarray]:
    """Possible boundaries (801,), and how little probable each is, as a negative logarithm."""
    candidates = prior + np.linspace(-8, 8, 801)
    count = {value: max(1, int(np.sum(label == value))) for value in (0, 1)}
    weight = np.where(label == 1, 0.5 / count[1], 0.5 / count[0]) * len(label)
    sign = np.where(label == 1, -1.0, 1.0)
    costs = (weight * np.logaddexp(0, sign * (logits - candidates[:, None]))).sum(axis=1)
    return candidates, costs + (candidates - prior) ** 2 / (2 * _PRIOR_SPREAD**2)
