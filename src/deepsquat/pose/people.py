"""Whom to follow, of the people in a picture."""

import numpy as np

from deepsquat.landmarks import INDEX

_ANKLES = [INDEX["left_ankle"], INDEX["right_ankle"]]
_SHOULDERS = [INDEX["left_shoulder"], INDEX["right_shoulder"]]


def upright(poses: list[np.ndarray]) -> np.ndarray | None:
    """Of several (33, 4) poses the tallest from ankles to shoulders; None if none stands on its feet.

    Someone behind or in a mirror is smaller than the one filmed. In dim pictures MediaPipe also finds the
    same body lying on its side; that pose is lower, or upside down.
    """
    height, best = max(
        ((float(pose[_ANKLES, 1].mean() - pose[_SHOULDERS, 1].mean()), i) for i, pose in enumerate(poses)),
        default=(0.0, 0),
    )
    return poses[best] if height > 0 else None
