"""Left and right, which an estimator exchanges for some pictures where it sees somebody from the side."""

from itertools import pairwise

import numpy as np

from deepsquat.landmarks import BODY, INDEX, NAMES

SWAPPED = 0.7  # of the way that the joints go otherwise: shorter with left and right exchanged, they are
APART = 1.0  # seconds after which somebody may have turned round


def _other(name: str) -> str:
    """The same point of the other side."""
    for side, opposite in (("left", "right"), ("right", "left")):
        if side in name:
            return name.replace(side, opposite)
    return name


OTHER = np.array([INDEX[_other(name)] for name in NAMES])


def steady(times: np.ndarray, landmarks: np.ndarray, aspect: float) -> np.ndarray:
    """(n, 33, 4) poses at rising times, of which none calls the legs otherwise than the one before.

    Drawn as they are, or halfway between two, the legs would cross. NaN stay.
    """
    found = landmarks.copy()
    known = np.flatnonzero(~np.isnan(landmarks[:, 0, 0]))
    for before, row in pairwise(known):
        pose, other = landmarks[row], landmarks[row, OTHER]
        straight, crossed = (_way(found[before], one, aspect) for one in (pose, other))
        if times[row] - times[before] <= APART and crossed < SWAPPED * straight:
            found[row] = other
    return found


def _way(one: np.ndarray, two: np.ndarray, aspect: float) -> float:
    """How far the joints of the body go, together, in the picture's heights."""
    moved = (two - one)[list(BODY), :2] * (aspect, 1.0)
    return float(np.linalg.norm(moved, axis=1).sum())
