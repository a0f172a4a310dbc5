"""What a coach measures of a squat, and the limits beyond which it is a fault.

Of joints in space; lengths are shares of the leg (hip to knee and knee to ankle), angles are degrees.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np

from deepsquat.errors import UserError
from deepsquat.landmarks import INDEX

# In the order in which a coach would name them.
FAULTS = (
    "too_shallow",
    "leaning",
    "knees_caving",
    "knees_bowing",
    "heels_up",
    "toes_up",
    "knees_forward",
    "shifted",
)


@dataclass(frozen=True)
class Limits:
    """The standard: a squat whose measures at the bottom stay within all of these is good.

    - depth: the hips' height over the knees'. The hip joint lies about a tenth of the leg below the crease of
      the hip, which powerlifting wants below the top of the knee (IPF Technical Rules); 0.07 asks for a thigh
      that is nearly level.
    - lean: the trunk's inclination. Myer et al., The back squat: a proposed assessment of functional deficits
      and technical factors that limit performance, Strength Cond. J. 36(6), 2014, want it parallel to the
      shanks; shanks lean 30 to 40 degrees in a full squat.
    - knees_in, knees_out: the knees' distance over the ankles'. Below 1 the knees fall inside the feet
      (Myer et al.: frontal plane knee alignment).
    - heel, toe: the foot's pitch, which should stay flat (Myer et al.).
    - knees_forward: how far the knees go past the toes. Fry, Smith, Schilling, Effect of knee position on hip
      and knee torques during the barbell squat, J. Strength Cond. Res. 17(4), 2003: a little past the toes is
      right, and holding the knees back loads the hips.
    - shift: the hips' distance from the middle of the feet, sideways; tilt: of the shoulders' line.
    """

    depth: float = 0.07
    lean: float = 45.0
    knees_in: float = 1.0
    knees_out: float = 3.4
    heel: float = 9.0
    toe: float = 9.0
    knees_forward: float = 0.13
    shift: float = 0.09
    tilt: float = 9.0

    def __post_init__(self) -> None:
        for field in fields(self):
            if not -90 <= getattr(self, field.name) <= 90:
                raise UserError(f"limits.{field.name} must lie between -90 and 90")
        if not 0 < self.knees_in < self.knees_out:
            raise UserError("limits.knees_in must be above 0 and below limits.knees_out")


@dataclass(frozen=True)
class Measures:
    """One value a frame, (n,) each."""

    depth: np.ndarray  # hips above knees, share of the leg; negative below parallel
    lean: np.ndarray  # of the trunk from the vertical, degrees
    knee_width: np.ndarray  # distance of the knees over that of the ankles
    heel: np.ndarray  # pitch of the feet, degrees; positive with the heels up
    knees_forward: np.ndarray  # of the knees past the toes, share of the leg
    shift: np.ndarray  # of the hips from the middle of the ankles, to the left, share of the leg
    tilt: np.ndarray  # of the shoulders' line, degrees; positive with the left one low
    yaw: np.ndarray  # of the camera, not of the body: degrees from the front, positive to the body's left

    def stacked(self) -> np.ndarray:
        """(n, 8), in the order of the fields."""
        return np.stack([getattr(self, field.name) for field in fields(self)], axis=1)


# The camera's yaw in degrees, either way from the front.
VIEWS = {
    "front": (0, 25),
    "oblique": (25, 65),
    "side": (65, 115),
    "back_oblique": (115, 155),
    "back": (155, 180),
}
# By fault the measure that shows it.
OF_FAULT = {
    "too_shallow": "depth",
    "leaning": "lean",
    "knees_caving": "knee_width",
    "knees_bowing": "knee_width",
    "heels_up": "heel",
    "toes_up": "heel",
    "knees_forward": "knees_forward",
    "shifted": "shift",  # or the tilt of the shoulders
}
OF_BODY = tuple(field.name for field in fields(Measures) if field.name != "yaw")


def measured(joints: np.ndarray, yaw: float = float("nan")) -> Measures:
    """Of joints (n, 33 or more, 3) in metres: x to the body's own left, y up, z to where it faces.

    yaw: of the camera that sees them; NaN where it is not known.
    """

    def at(name: str) -> np.ndarray:
        return joints[:, INDEX[name]]

    def middle(name: str) -> np.ndarray:
        return (at(f"left_{name}") + at(f"right_{name}")) / 2

    def across(name: str) -> np.ndarray:
        return at(f"left_{name}") - at(f"right_{name}")

    hip, knee, ankle = middle("hip"), middle("knee"), middle("ankle")
    leg = np.mean([_length(at(f"{s}_hip") - at(f"{s}_knee")) for s in ("left", "right")], axis=0)
    leg = leg + np.mean([_length(at(f"{s}_knee") - at(f"{s}_ankle")) for s in ("left", "right")], axis=0)
    trunk, shoulders = middle("shoulder") - hip, across("shoulder")
    foot = middle("foot_index") - middle("heel")
    feet = np.mean([_length(at(f"{s}_foot_index") - at(f"{s}_heel")) for s in ("left", "right")], axis=0)
    return Measures(
        depth=(hip - knee)[:, 1] / leg,
        lean=np.rad2deg(np.arccos(np.clip(trunk[:, 1] / _length(trunk), -1, 1))),
        knee_width=_level(across("knee")) / _level(across("ankle")),
        heel=-np.rad2deg(np.arcsin(np.clip(foot[:, 1] / feet, -1, 1))),
        knees_forward=(knee - middle("foot_index"))[:, 2] / leg,
        shift=(hip - ankle)[:, 0] / leg,
        tilt=-np.rad2deg(np.arcsin(np.clip(shoulders[:, 1] / _length(shoulders), -1, 1))),
        yaw=np.full(len(joints), (yaw + 180) % 360 - 180),
    )


def view_of(yaw: float) -> str:
    """Which of VIEWS a camera's yaw, in degrees from -180 to 180, belongs to."""
    return next(name for name, (_, high) in VIEWS.items() if abs(yaw) <= high)


def how_far(fault: str, measures: Mapping[str, float], limits: Limits) -> float:
    """How far the measure of a fault lies beyond its limit, in the measure's unit; below 0: within."""
    value = measures[OF_FAULT[fault]]
    beyond = {
        "too_shallow": value - limits.depth,
        "leaning": value - limits.lean,
        "knees_caving": limits.knees_in - value,
        "knees_bowing": value - limits.knees_out,
        "heels_up": value - limits.heel,
        "toes_up": -limits.toe - value,
        "knees_forward": value - limits.knees_forward,
        "shifted": abs(value) - limits.shift,
    }
    return beyond[fault]


def faulty(found: Measures, limits: Limits) -> np.ndarray:
    """(n, len(FAULTS)) bool: which limits are passed; a squat with none is good."""
    return np.stack(
        [
            found.depth > limits.depth,
            found.lean > limits.lean,
            found.knee_width < limits.knees_in,
            found.knee_width > limits.knees_out,
            found.heel > limits.heel,
            found.heel < -limits.toe,
            found.knees_forward > limits.knees_forward,
            (np.abs(found.shift) > limits.shift) | (np.abs(found.tilt) > limits.tilt),
        ],
        axis=1,
    )


def _length(vectors: np.ndarray) -> np.ndarray:
    return np.linalg.norm(vectors, axis=-1)


def _level(vectors: np.ndarray) -> np.ndarray:
    """Length without the height."""
    return np.linalg.norm(vectors[:, [0, 2]], axis=-1)
