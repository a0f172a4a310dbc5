"""Whether the poses of a track can be those of one body that moves."""

import numpy as np

from deepsquat.landmarks import BODY
from deepsquat.pose.people import LIMBS, is_upright, joints, size

NOBODY = "nobody found"
LYING = "the body found lies or stands on its head"
LIMB = "a limb's length jumps"
OUTSIDE = "a joint lies outside the body"
LEAP = "the body leaps"
REASONS = (NOBODY, LYING, LIMB, OUTSIDE, LEAP)

# In sizes of the body (see `people.size`), against the median of the frames around.
LIMB_JUMP = 0.25
BEYOND = 0.3  # of the box around the body
LEAPS = 0.35
AROUND = 2  # frames on either side; of five, two wrong ones do not move the median
SEEN = 0.5  # visibility from which a joint has to be where it can be


def implausible(landmarks: np.ndarray, aspect: float) -> np.ndarray:
    """(n,) str: why each of (n, 33, 4) landmarks, in order of time, cannot be; "" where it can.

    NaN are nobody. Of fewer than five that are somebody there is no telling but that they are upright.
    """
    reasons = np.full(len(landmarks), "", dtype=object)
    found = ~np.isnan(landmarks[:, 0, 0])
    reasons[~found] = NOBODY
    rows = np.flatnonzero(found)
    for row in rows:
        if not is_upright(landmarks[row]):
            reasons[row] = LYING
    if len(rows) > 2 * AROUND:
        body, seen = joints(landmarks[rows], aspect), landmarks[rows][:, list(BODY), 3] >= SEEN
        scale = float(np.quantile([size(pose, aspect) for pose in landmarks[rows]], 0.9))
        for place, row in enumerate(rows):
            if not reasons[row]:
                reasons[row] = _why(body, seen[place], place, scale)
    return reasons.astype(str)


def _why(body: np.ndarray, seen: np.ndarray, place: int, scale: float) -> str:
    """body: (n, 8, 2); seen: (8,), of the frame at `place`."""
    begin = int(np.clip(place - AROUND, 0, len(body) - 2 * AROUND - 1))
    around, own = body[begin : begin + 2 * AROUND + 1], body[place]
    if np.linalg.norm(own.mean(axis=0) - np.median(around.mean(axis=1), axis=0)) > LEAPS * scale:
        return LEAP
    for a, b in LIMBS:
        lengths = np.linalg.norm(around[:, a] - around[:, b], axis=1)
        jump = abs(np.linalg.norm(own[a] - own[b]) - np.median(lengths))
        if seen[a] and seen[b] and jump > LIMB_JUMP * scale:
            return LIMB
    usual = np.median(around, axis=0)
    low, high = usual.min(axis=0) - BEYOND * scale, usual.max(axis=0) + BEYOND * scale
    if ((own[seen] < low) | (own[seen] > high)).any():
        return OUTSIDE
    return ""
