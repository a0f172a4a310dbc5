"""The body at any time of a video, between the poses that were followed."""

import numpy as np

from deepsquat.predict.poses import Poses
from deepsquat.sides import steady

WIDEST = 0.35  # seconds between two poses that are bridged
HOLD = 0.15  # seconds that a pose stays where none follows, or is there before one comes


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
