"""How the camera is held, from somebody who stands before it: far above or below, or turned on its side.

Limits are where verdicts on made-up people begin to be wrong in one of five: from about 40 degrees above
and 15 below the body's middle, and from 9 degrees of turn on.
"""

import numpy as np

from deepsquat.landmarks import INDEX
from deepsquat.predict.poses import Poses

STANDING = 0.2  # seconds around a squat's start and end
TURNED = 9.0  # degrees of the picture
ABOVE, BELOW = 0.85, -0.12  # as `_over_the_floor` says
# Of a foot, and between the feet of somebody who squats, in lengths of the leg.
_FOOT, _STANCE = 0.29, 0.55
_SIDES = ("left", "right")


def held(start: float, end: float, poses: Poses, yaw: float | None) -> str:
    """Why what it sees is unlike what a network has learned from; "" where it is not.

    start, end: of a squat, seconds. yaw: of the camera, degrees; None where it is not known.
    """
    rows = np.minimum(np.abs(poses.time - start), np.abs(poses.time - end)) <= STANDING
    rows &= ~np.isnan(poses.landmarks[:, 0, 0])
    if not rows.any():
        return ""
    seen = poses.landmarks[rows][..., :2] * (float(poses.aspect[0]), 1.0)
    turn = _turn(seen)
    if abs(turn) > TURNED:
        return f"the picture is turned by about {abs(turn):.0f} degrees; hold the camera level"
    over = 0.0 if yaw is None else _over_the_floor(seen, float(np.deg2rad(yaw)))
    if over > ABOVE:
        return "the camera looks down on the lifter from high above; hold it at the height of the hips"
    if over < BELOW:
        return "the camera looks up at the lifter from far below; hold it at the height of the hips"
    return ""


def _turn(seen: np.ndarray) -> float:
    """Degrees by which somebody stands aslant, legs and trunk the same way; seen: (n, 33, 2)."""
    hip = _middle(seen, "hip")
    legs, trunk = hip - _middle(seen, "ankle"), _middle(seen, "shoulder") - hip
    found = [float(np.median(np.rad2deg(np.arctan2(one[:, 0], -one[:, 1])))) for one in (legs, trunk)]
    return min(found, key=abs) if found[0] * found[1] > 0 else 0.0


def _over_the_floor(seen: np.ndarray, yaw: float) -> float:
    """About the tangent of the angle at which the camera sees the floor that the feet stand on.

    From above, a toe that points at the camera is lower in the picture than its heel, and the nearer foot is
    lower than the other; seen: (n, 33, 2).
    """
    bones = (("hip", "knee"), ("knee", "ankle"))
    leg = np.maximum(
        *(sum((_bone(seen, side, *bone) for bone in bones), np.zeros(len(seen))) for side in _SIDES)
    )
    toes = _middle(seen, "foot_index") - _middle(seen, "heel")
    feet = np.mean(
        [_at(seen, "left", x) - _at(seen, "right", x) for x in ("heel", "foot_index", "ankle")], axis=0
    )
    lower = toes[:, 1] / leg / _FOOT * np.cos(yaw) + feet[:, 1] / leg / _STANCE * np.sin(yaw)
    return float(np.median(lower))


def _at(seen: np.ndarray, side: str, joint: str) -> np.ndarray:
    return seen[:, INDEX[f"{side}_{joint}"]]


def _middle(seen: np.ndarray, joint: str) -> np.ndarray:
    return (_at(seen, "left", joint) + _at(seen, "right", joint)) / 2


def _bone(seen: np.ndarray, side: str, one: str, two: str) -> np.ndarray:
    """(n,) its length."""
    return np.asarray(np.linalg.norm(_at(seen, side, one) - _at(seen, side, two), axis=-1))
