"""Which part of the body, and of which side, each limb of a skeleton is."""

from deepsquat.landmarks import NAMES
from deepsquat.skeleton import HEAD, LIMBS, NECK, PELVIS

# By the joints at the ends of their limbs.
_JOINTS = {
    "thigh": {"hip", "knee"},
    "shin": {"knee", "ankle"},
    "trunk": {"shoulder", "hip"},
    "hips": {"hip"},
    "shoulders": {"shoulder"},
}
_FOOT = {"ankle", "heel", "foot_index"}
_MIDDLE_OF = {NECK: "shoulder", PELVIS: "hip", HEAD: "head"}


def _joint(point: int) -> str:
    return _MIDDLE_OF.get(point) or NAMES[point].removeprefix("left_").removeprefix("right_")


def _side(ends: tuple[int, int]) -> str:
    sides = {NAMES[point].partition("_")[0] if point < len(NAMES) else "" for point in ends}
    return sides.pop() if sides in ({"left"}, {"right"}) else ""


def _part(ends: tuple[int, int]) -> str:
    joints = {_joint(point) for point in ends}
    if joints < _FOOT:
        return "foot"
    return next((part for part, of in _JOINTS.items() if joints == of), "")


# (part, side) of each of skeleton.LIMBS; "" for the head and the arms, and for what is of no side.
PART_OF = tuple((_part(ends), _side(ends)) for ends in LIMBS)
