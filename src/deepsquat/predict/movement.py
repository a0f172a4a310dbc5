"""How a lifter moves, from the poses alone: the joints' angles over time, and how long each part takes."""

from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np

from deepsquat.landmarks import INDEX
from deepsquat.predict.poses import Poses
from deepsquat.sides import steady

# Each joint between two others of its side.
_JOINTS = {
    "knee": ("hip", "knee", "ankle"),
    "hip": ("shoulder", "hip", "knee"),
    "ankle": ("knee", "ankle", "foot_index"),
}
STILL = 0.05  # of the way down: nearer to the lowest point the hips rest
AT_BOTTOM = 0.15  # seconds


def angles(poses: Poses) -> dict[str, np.ndarray]:
    """By name, as `left_knee`: (n,) degrees as seen in the picture, 180 straight; NaN without a pose.

    Seen from the side they are the joint's own; the nearer to the front, the more they are foreshortened.
    """
    if not len(poses.time):
        return {}
    aspect = float(poses.aspect[0])
    xy = steady(poses.time, poses.landmarks, aspect)[..., :2] * np.array([aspect, 1.0])
    found = {}
    for joint, side in product(_JOINTS, ("left", "right")):
        one, middle, two = (xy[:, INDEX[f"{side}_{name}"]] for name in _JOINTS[joint])
        a, b = one - middle, two - middle
        cross = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
        found[f"{side}_{joint}"] = np.rad2deg(np.arctan2(np.abs(cross), (a * b).sum(axis=1)))
    return found


def at_bottom(poses: Poses, series: Mapping[str, np.ndarray], bottom: float) -> dict[str, float]:
    """The median of each series around a bottom; without those that are not known there."""
    rows = np.abs(poses.time - bottom) <= AT_BOTTOM
    rows &= ~np.isnan(poses.landmarks[:, 0, 0])
    if not rows.any():
        return {}
    return {name: round(float(np.median(values[rows])), 1) for name, values in series.items()}


def tempo(
    start: float,
    bottom: float,
    end: float,
    heights: Sequence[tuple[np.ndarray, np.ndarray]],
    slowed: float = 1.0,
) -> dict[str, float]:
    """Seconds of the way down, of the pause at the lowest point, and of the way up, as they were in life.

    heights: as `repetitions.hip_height` gives them. slowed: as there; the times are the video's. {} where the
    heights do not cover the squat.
    """
    for times, height in heights:
        if not times[0] - 1e-6 <= bottom <= times[-1] + 1e-6:
            continue
        low = int(np.argmin(np.abs(times - bottom)))
        inside = (times >= start - 1e-6) & (times <= end + 1e-6)
        if not inside.any():
            return {}
        still = height <= height[low] + STILL * (height[inside].max() - height[low])
        first = last = low
        while first > 0 and still[first - 1] and times[first - 1] >= start:
            first -= 1
        while last + 1 < len(times) and still[last + 1] and times[last + 1] <= end:
            last += 1
        spans = times[first] - start, times[last] - times[first], end - times[last]
        return {
            name: round(max(0.0, float(span) / slowed), 2)
            for name, span in zip(("down", "pause", "up"), spans, strict=True)
        }
    return {}
