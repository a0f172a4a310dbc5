"""The body at any time of a video, between the poses that were followed."""

from itertools import pairwise

import numpy as np

from deepsquat.landmarks import BODY, INDEX, NAMES
from deepsquat.predict.poses import Poses

WIDEST = 0.35  # seconds between two poses that are bridged
HOLD = 0.15  # seconds that a pose stays where none follows, or is there before one comes
SWAPPED = 0.7  # of the way that the joints go otherwise: shorter with left and right exchanged, they are
APART = 1.0  # seconds after which somebody may have turned round


def _other(name: str) -> str:
    """The same point of the other side."""
    for side, opposite in (("left", "right"), ("right", "left")):
        if side in name:
            return name.replace(side, opposite)
    return name


_OTHER = np.array([INDEX[_other(name)] for name in NAMES])


def steady(times: np.ndarray, landmarks: np.ndarray, aspect: float) -> np.ndarray:
    """(n, 33, 4) poses at rising times, of which none calls the legs otherwise than the one before.

    Seen from the side an estimator exchanges left and right for some pictures; drawn so, or halfway between,
    the legs would cross. NaN stay.
    """
    found = landmarks.copy()
    known = np.flatnonzero(~np.isnan(landmarks[:, 0, 0]))
    for before, row in pairwise(known):
        pose, other = landmarks[row], landmarks[row, _OTHER]
        straight, crossed = (_way(found[before], one, aspect) for one in (pose, other))
        if times[row] - times[before] <= APART and crossed < SWAPPED * straight:
            found[row] = other
    return found


def _way(one: np.ndarray, two: np.ndarray, aspect: float) -> float:
    """How far the joints of the body go, together, in the picture's heights."""
    moved = (two - one)[list(BODY), :2] * (aspect, 1.0)
    return float(np.linalg.norm(moved, axis=1).sum())


class Between:
    """Landmarks at any time."""

    def __init__(self, poses: Poses) -> None:
        known = ~np.isnan(poses.landmarks[:, 0, 0])
        self._times = poses.time[known]
        aspect = float(poses.aspect[0]) if len(poses.aspect) else 1.0
        self._landmarks = steady(self._times, poses.landmarks[known], aspect)

    def at(self, time: float) -> np.ndarray | None:
        """(33, 4) on the straight way from the pose before to the one after; None far from any."""
        after = int(np.searchsorted(self._times, time))
        near = [k for k in (after - 1, after) if 0 <= k < len(self._times)]
        if len(near) == 2 and (width := self._times[after] - self._times[after - 1]) <= WIDEST:
            share = np.float32((time - self._times[after - 1]) / width)
            one, two = self._landmarks[near]
            return np.asarray(one + share * (two - one))
        nearest = min(near, key=lambda k: abs(self._times[k] - time), default=None)
        if nearest is None or abs(self._times[nearest] - time) > HOLD:
            return None
        return np.asarray(self._landmarks[nearest])
