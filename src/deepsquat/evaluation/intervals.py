"""How far a score can be believed: intervals over groups."""

from collections.abc import Callable
from statistics import NormalDist

import numpy as np

from deepsquat.trainer.predictions import FEWEST, student

_DRAWS = 1000


def group_interval(
    group: np.ndarray, statistic: Callable[[np.ndarray], float], draws: int = _DRAWS
) -> tuple[float, float] | None:
    """The 95 % interval of a statistic of rows (k,), by drawing whole groups (n,) anew.

    Squats of one video or subject are alike, so that it is these that count. The ends are moved outwards as
    Student's t asks for so few (the expanded percentile interval; Hesterberg, What teachers should know about
    the bootstrap, Am. Stat. 69(4), 2015). None with fewer than five groups, or where all draws give the same.
    """
    names, number = np.unique(group, return_inverse=True)
    n = len(names)
    if n < FEWEST:
        return None
    rows = [np.flatnonzero(number == i) for i in range(n)]
    random = np.random.default_rng(0)
    drawn = [
        statistic(np.concatenate([rows[i] for i in chosen])) for chosen in random.integers(0, n, (draws, n))
    ]
    values = np.array(drawn)[~np.isnan(drawn)]
    if not len(values) or np.ptp(values) == 0:
        return None
    tail = NormalDist().cdf(-((n / (n - 1)) ** 0.5) * student(n - 1))
    low, high = np.quantile(values, [tail, 1 - tail])
    return float(low), float(high)
