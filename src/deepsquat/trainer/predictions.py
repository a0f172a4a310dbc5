"""What a trained network says of every image, and how often it is right."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from torch import Tensor

from deepsquat.split import Item
from deepsquat.trainer.batches import Part

_DRAWS = 2000
FEWEST = 5  # groups; with fewer even the moved ends say too little


@dataclass(frozen=True)
class Predictions:
    """One row an image of one part, fixed copies included, in the part's order."""

    row: np.ndarray  # (m,) into the stack of (copies * frames) images
    squat: np.ndarray  # (m,) number of the squat in the part
    label: np.ndarray  # (m,) 0 or 1
    p_good: np.ndarray  # (m,) float32
    squats: Sequence[Item]  # of the part

    def per_squat(self) -> tuple[np.ndarray, np.ndarray]:
        """Label and mean probability of good form of each squat."""
        count = np.bincount(self.squat)
        return (
            (np.bincount(self.squat, self.label) / count).round().astype(int),
            np.bincount(self.squat, self.p_good) / count,
        )


def predictions(part: Part, p_good: Tensor) -> Predictions:
    """The predictions for each image of the part, in its order."""
    rows, squat, label = (column.numpy() for column in (part.rows, part.squat, part.label))
    return Predictions(rows, squat, label, p_good.cpu().numpy(), part.squats)


def confusion(label: np.ndarray, p_good: np.ndarray) -> np.ndarray:
    """(2, 2) counts: rows the label, good first; columns what was predicted, good first."""
    predicted = p_good > 0.5
    return np.array([[np.sum((label == t) & (predicted == p)) for p in (1, 0)] for t in (1, 0)])


@dataclass(frozen=True)
class Interval:
    """Of a share: low and high are None where it cannot be had, and `over` then says why."""

    low: float | None
    high: float | None
    over: str


def interval(found: Predictions) -> Interval:
    """The 95 % interval of the share of squats judged rightly, by drawing whole videos anew.

    Squats of one video are alike, so that it is videos that count, or subjects where every squat's is known.
    A bootstrap over few groups is too narrow; its ends are moved outwards as Student's t asks for that many
    (the expanded percentile interval; Hesterberg, 2015).
    """
    known = all(item.subject for item in found.squats)
    names = [item.subject if known else item.video for item in found.squats]
    group = np.unique(names, return_inverse=True)[1]
    label, p_good = found.per_squat()
    squats = np.bincount(group)
    right = np.bincount(group, (p_good > 0.5) == label)
    n = len(squats)
    over = f"{n} {'subject' if known else 'video'}{'s' if n > 1 else ''}"
    if n < FEWEST:
        return Interval(None, None, f"{over} are too few")
    if np.ptp(right / squats) == 0:
        return Interval(None, None, f"{over} all alike")
    drawn = np.random.default_rng(0).integers(0, n, (_DRAWS, n))
    shares = right[drawn].sum(1) / squats[drawn].sum(1)
    tail = NormalDist().cdf(-((n / (n - 1)) ** 0.5) * student(n - 1))
    low, high = np.quantile(shares, [tail, 1 - tail])
    return Interval(float(low), float(high), over)


def student(degrees: int) -> float:
    """The 97.5 % quantile of Student's t, to 0.3 % from 4 degrees on: SciPy is not needed to train."""
    z = NormalDist().inv_cdf(0.975)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
    )
    return z + sum(term / degrees**power for power, term in enumerate(terms, 1))
