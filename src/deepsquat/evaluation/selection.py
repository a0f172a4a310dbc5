"""The winner's curse: how good the best of many configurations is, once it is paid for that it was chosen."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

_DRAWS = 1000

# Of labels (k,) and scores (k,), a higher value being better.
Measure = Callable[[np.ndarray, np.ndarray], float]


@dataclass(frozen=True)
class Corrected:
    """The score of the best configuration on the squats it was chosen by, and what to expect on others."""

    best: int  # which configuration
    chosen: float  # its score on the squats it was chosen by
    corrected: float
    low: float  # 95 % of the draws lie from here
    high: float
    groups: int  # that were drawn from


def corrected_best(
    said: np.ndarray,
    label: np.ndarray,
    group: np.ndarray,
    measure: Measure,
    draws: int = _DRAWS,
    seed: int = 0,
) -> Corrected | None:
    """BBC-CV: the choice is made anew on drawn groups, and the chosen one is scored on the groups not drawn.

    said: (c, n) scores of n squats by c configurations, none of which had learned from the squat that it
    scores. label: (n,) 0 or 1. group: (n,), the videos or subjects that are drawn whole. None where no draw
    can be scored, as with a single group.

    Tsamardinos, Greasidou, Borboudakis, Bootstrapping the out-of-sample predictions for efficient and
    accurate cross-validation, Machine Learning 107, 2018, doi 10.1007/s10994-018-5714-4; there rows are
    drawn, here groups, since squats of one person are alike.
    """
    number = np.unique(group, return_inverse=True)[1]
    rows = [np.flatnonzero(number == i) for i in range(number.max() + 1)]
    random = np.random.default_rng(seed)
    found = []
    for _ in range(draws):
        drawn = random.integers(0, len(rows), len(rows))
        inside = np.concatenate([rows[i] for i in drawn])
        outside = np.flatnonzero(~np.isin(number, drawn))
        if len(outside):
            best = _best(said[:, inside], label[inside], measure)
            found.append(measure(label[outside], said[best, outside]) if best is not None else np.nan)
    values = np.array(found, float)
    values = values[~np.isnan(values)]
    best = _best(said, label, measure)
    if not len(values) or best is None:
        return None
    low, high = np.quantile(values, [0.025, 0.975])
    return Corrected(
        best, measure(label, said[best]), float(values.mean()), float(low), float(high), len(rows)
    )


def _best(said: np.ndarray, label: np.ndarray, measure: Measure) -> int | None:
    """The configuration of the highest score, the first of several; None where none can be had."""
    scores = np.array([measure(label, one) for one in said])
    return None if np.isnan(scores).all() else int(np.nanargmax(scores))
