"""How often squats are good that are given a certain probability of being so."""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

BINS = 10


@dataclass(frozen=True)
class Bin:
    """Squats whose probabilities lie in one tenth of 0 to 1."""

    said: float  # their mean probability of good form
    good: float  # the share of them that is good
    low: float  # its 95 % interval
    high: float
    squats: int


def bins_of(p_good: np.ndarray) -> np.ndarray:
    """Of probabilities (n,) the number of the bin, 0 to 9."""
    return np.minimum((p_good * BINS).astype(int), BINS - 1)


def reliability(p_good: np.ndarray, label: np.ndarray, group: np.ndarray) -> list[Bin]:
    """The bins that have squats, of probabilities (n,), labels (n,) 0 or 1, and subjects or videos (n,).

    The interval is Wilson's (Probable inference, JASA 22(158), 1927) of as many trials as there are groups in
    the bin: squats of one person are alike, so that they count as one.
    """
    number, z = bins_of(p_good), NormalDist().inv_cdf(0.975)
    found = []
    for i in np.unique(number):
        rows = number == i
        good, n = float(label[rows].mean()), len(np.unique(group[rows]))
        middle = (good + z**2 / (2 * n)) / (1 + z**2 / n)
        half = z / (1 + z**2 / n) * (good * (1 - good) / n + z**2 / (4 * n**2)) ** 0.5
        low, high = min(middle - half, good), max(middle + half, good)
        found.append(Bin(float(p_good[rows].mean()), good, low, high, int(rows.sum())))
    return found
