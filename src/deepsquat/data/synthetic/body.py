"""A body of segments, and where its joints are when it squats with its feet planted.

Segment lengths are fractions of the height after Drillis and Contini (1966), as tabled in D. A. Winter,
Biomechanics and Motor Control of Human Movement, 4th ed. (2009), figure 4.1; people vary around them.

Metres; x to the body's own left, y up from the floor, z to where it faces. Angles are radians.
"""

from dataclasses import dataclass

import numpy as np

from deepsquat.data.synthetic.bones import leaning, toes_lifted, turned, two_bones
from deepsquat.landmarks import NAMES

# Beside the 33 landmarks, what the drawn figure hangs on.
EXTRAS = ("pelvis", "waist", "chest", "nape", "skull", "chin", "crown", "left_ball", "right_ball")
POINTS = (*NAMES, *EXTRAS)
POINT = {name: i for i, name in enumerate(POINTS)}

ARMS = ("front", "clasped", "folded", "overhead", "bar", "rack", "hanging", "hips", "spread")


@dataclass(frozen=True)
class Body:
    """One subject. Lengths in metres; `shoulders`, `hips` and `stance` are half widths, left to right."""

    height: float
    shank: float
    thigh: float
    trunk: float
    shoulders: float
    hips: float
    upper_arm: float
    forearm: float
    hand: float
    foot: float
    ankle: float
    head: float
    girth: float  # 1 is an average build
    stance: float
    toe_out: float
    arms: str  # one of ARMS


def drawn_body(rng: np.random.Generator) -> Body:
    """A random subject: heights 1.5-1.95 m, segments within a few percent of the standard proportions."""
    height = float(np.clip(rng.normal(1.72, 0.09), 1.5, 1.95))

    def about(fraction: float, spread: float) -> float:
        return height * fraction * (1 + float(np.clip(rng.normal(0, spread), -2 * spread, 2 * spread)))

    shoulders = about(0.129, 0.04) * 0.86  # the joint's centre lies inside the shoulder's edge
    return Body(
        height=height,
        shank=about(0.246, 0.02),
        thigh=about(0.245, 0.02),
        trunk=about(0.288, 0.02),
        shoulders=shoulders,
        hips=about(0.052, 0.05),
        upper_arm=about(0.186, 0.02),
        forearm=about(0.146, 0.02),
        hand=about(0.100, 0.02),
        foot=about(0.152, 0.03),
        ankle=about(0.039, 0.03),
        head=about(0.130, 0.03),
        girth=float(np.clip(rng.normal(1.0, 0.09), 0.84, 1.22)),
        stance=shoulders * rng.uniform(0.95, 1.25),
        toe_out=float(np.deg2rad(rng.uniform(12, 26))),
        arms=("front", "front", "clasped", "folded")[rng.integers(4)],
    )


@dataclass(frozen=True)
class Posture:
    """What the joints do in each of n frames; every field is (n,)."""

    shank: np.ndarray  # forward inclination of the shank from the vertical
    thigh: np.ndarray  # inclination of the thigh: 0 upright, pi/2 horizontal
    lean: np.ndarray  # forward inclination of the lower trunk
    rounding: np.ndarray  # what the upper trunk leans on top of that
    caving: np.ndarray  # turn of the knees inward from the line of the toes
    heel: np.ndarray  # pitch of the foot about its ball
    shift: np.ndarray  # metres of the pelvis to the left
    tilt: np.ndarray  # sideways inclination of the trunk to the left
    sway: np.ndarray  # metres of the trunk forward
    toe: np.ndarray  # pitch of the foot about its heel
    turn: np.ndarray  # of pelvis and trunk about the vertical, to the body's left


@dataclass(frozen=True)
class _Trunk:
    """What head and arms hang on, (n, 3) each: a place, and directions."""

    chest: np.ndarray
    across: np.ndarray
    upper: np.ndarray


def measured_points(body: Body, posture: Posture) -> np.ndarray:
    """(n, 33, 3) as `points` has them, but only what `deepsquat.measures` asks for; NaN elsewhere."""
    at, _ = _trunk_and_legs(body, posture)
    found = np.full((len(posture.shank), len(NAMES), 3), np.nan)
    for name in NAMES:
        if name in at:
            found[:, POINT[name]] = at[name]
    return found


def points(body: Body, posture: Posture) -> np.ndarray:
    """(n, len(POINTS), 3) positions in metres."""
    n = len(posture.shank)
    at, trunk = _trunk_and_legs(body, posture)
    chest, across, upper = trunk.chest, trunk.across, trunk.upper
    # The head looks ahead: it follows only a part of the trunk's lean.
    pitch = 0.35 * (posture.lean + posture.rounding)
    _head(at, body, chest, across, pitch, 0.5 * posture.tilt)

    ahead = np.tile([0.0, 0.0, 1.0], (n, 1))
    for name, side in (("left", 1.0), ("right", -1.0)):
        wrist = _wrist(body, side, chest, across, upper, ahead)
        pole = np.array([side * 0.6, -1.0, -0.1]) * np.ones((n, 3))
        shoulder = at[f"{name}_shoulder"]
        elbow, wrist = two_bones(shoulder, wrist, body.upper_arm, body.forearm, pole)
        at[f"{name}_elbow"], at[f"{name}_wrist"] = elbow, wrist
        _hand(at, name, body, elbow, wrist, side * across)
    return np.stack([at[name] for name in POINTS], axis=1)


def _trunk_and_legs(body: Body, posture: Posture) -> tuple[dict[str, np.ndarray], _Trunk]:
    """By name, (n, 3) each: pelvis, waist, chest, shoulders, hips and all below them."""
    zero = np.zeros(len(posture.shank))
    at: dict[str, np.ndarray] = {}

    pelvis = _pelvis(body, posture)
    roll = 0.45 * posture.tilt
    across_pelvis = turned(np.stack([np.cos(roll), -np.sin(roll), zero], axis=1), posture.turn)
    for name, side in (("left", 1.0), ("right", -1.0)):
        _leg(at, name, side, body, posture, pelvis + side * body.hips * across_pelvis)

    lower = turned(leaning(posture.lean, posture.tilt), posture.turn)
    upper = turned(leaning(posture.lean + posture.rounding, posture.tilt), posture.turn)
    waist = pelvis + 0.45 * body.trunk * lower
    chest = waist + 0.55 * body.trunk * upper
    chest[:, 2] += posture.sway
    across = turned(np.stack([np.cos(posture.tilt), -np.sin(posture.tilt), zero], axis=1), posture.turn)
    at |= {"pelvis": pelvis, "waist": waist, "chest": chest}
    for name, side in (("left", 1.0), ("right", -1.0)):
        at[f"{name}_shoulder"] = chest + side * body.shoulders * across
    return at, _Trunk(chest, across, upper)


def in_room(points: np.ndarray) -> np.ndarray:
    """(..., 3) of the body's axes to the camera's: x to where the body faces, y to its left, z up."""
    return points[..., [2, 0, 1]]


def _pelvis(body: Body, posture: Posture) -> np.ndarray:
    """(n, 3) middle of the hips, up the chain foot, shank, thigh in the sagittal plane."""
    length = body.shank + body.thigh
    spread = np.sqrt(length**2 - (body.stance - body.hips) ** 2) / length  # feet apart lower the hips
    ball, rise = _heel_rise(body, posture.heel)
    forward = (body.shank * np.sin(posture.shank) - body.thigh * np.sin(posture.thigh)) * np.cos(body.toe_out)
    up = body.shank * np.cos(posture.shank) + body.thigh * np.cos(posture.thigh)
    y = body.ankle + rise + spread * up
    z = ball * np.cos(body.toe_out) + spread * forward
    return np.stack([posture.shift, y, z], axis=1)


def _heel_rise(body: Body, pitch: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far a foot pitched about its ball brings the ankle forward and up, each (n,) metres."""
    back, up = 0.47 * body.foot, body.ankle - 0.02
    forward = back - (back * np.cos(pitch) - up * np.sin(pitch))
    rise = back * np.sin(pitch) + up * np.cos(pitch) - up
    return forward, rise


def _leg(
    at: dict[str, np.ndarray], name: str, side: float, body: Body, posture: Posture, hip: np.ndarray
) -> None:
    n = len(hip)
    toes = np.array([side * np.sin(body.toe_out), 0.0, np.cos(body.toe_out)])
    foot = np.array([side * body.stance, 0.0, 0.0])
    forward, rise = _heel_rise(body, posture.heel)
    ball = foot + 0.47 * body.foot * toes + np.array([0, 0.02, 0])
    ankle = foot + forward[:, None] * toes
    ankle[:, 1] += body.ankle + rise
    back = 0.74 * body.foot  # the heel turns with the ankle about the ball
    heel = ball - back * np.cos(posture.heel)[:, None] * toes
    heel[:, 1] += back * np.sin(posture.heel)
    line = body.toe_out - posture.caving
    pole = np.stack([side * np.sin(line), np.zeros(n), np.cos(line)], axis=1)
    knee, reached = two_bones(ankle, hip, body.shank, body.thigh, pole)
    at |= {
        f"{name}_hip": reached,
        f"{name}_knee": knee,
        f"{name}_ankle": ankle,
        f"{name}_heel": heel,
        f"{name}_ball": toes_lifted(heel, np.broadcast_to(ball, (n, 3)), toes, posture.toe),
        f"{name}_foot_index": toes_lifted(
            heel, np.broadcast_to(ball + 0.22 * body.foot * toes, (n, 3)), toes, posture.toe
        ),
    }


def _head(
    at: dict[str, np.ndarray],
    body: Body,
    chest: np.ndarray,
    across: np.ndarray,
    pitch: np.ndarray,
    tilt: np.ndarray,
) -> None:
    """Face and skull; offsets are (left, up, forward) from the skull's centre in heads (chin to crown)."""
    up = leaning(pitch, tilt)
    ahead = np.cross(across, up)
    nape = chest + 0.045 * body.height * up
    skull = nape + body.head * (0.58 * up + 0.14 * ahead)

    def place(left: float, high: float, front: float) -> np.ndarray:
        return skull + body.head * (left * across + high * up + front * ahead)

    at |= {"nape": nape, "skull": skull, "chin": place(0, -0.42, 0.24), "crown": place(0, 0.46, 0)}
    at |= {"nose": place(0, -0.12, 0.52)}
    for name, side in (("left", 1.0), ("right", -1.0)):
        at |= {
            f"{name}_eye_inner": place(side * 0.07, 0.04, 0.43),
            f"{name}_eye": place(side * 0.14, 0.04, 0.415),
            f"{name}_eye_outer": place(side * 0.21, 0.04, 0.38),
            f"{name}_ear": place(side * 0.35, -0.02, 0.02),
            f"mouth_{name}": place(side * 0.11, -0.27, 0.41),
        }


def _wrist(
    body: Body, side: float, chest: np.ndarray, across: np.ndarray, upper: np.ndarray, ahead: np.ndarray
) -> np.ndarray:
    """(n, 3) where this subject's arm style puts the wrist."""
    reach = body.upper_arm + body.forearm
    front = np.cross(across, upper)
    if body.arms == "front":
        shoulder = chest + side * body.shoulders * across
        return shoulder + reach * (0.96 * ahead - side * 0.16 * across - np.array([0, 0.06, 0]))
    if body.arms == "clasped":
        out = 0.62 * ahead + 0.38 * front
        return chest + 0.62 * reach * out - 0.05 * body.height * upper + side * 0.035 * body.height * across
    if body.arms == "folded":
        return chest + 0.42 * reach * front - 0.075 * body.height * upper - side * 0.05 * body.height * across
    shoulder = chest + side * body.shoulders * across
    # Shares of the reach from the shoulder: outwards, up the trunk, in front of it, along the vertical.
    outwards, along, before, below = _HELD[body.arms]
    down = np.array([0.0, -1.0, 0.0])
    return shoulder + reach * (side * outwards * across + along * upper + before * front + below * down)


_HELD = {
    "overhead": (0.12, 0.94, 0.05, 0.0),
    "bar": (0.32, 0.10, -0.10, 0.0),
    "rack": (-0.05, 0.05, 0.22, 0.0),
    "hanging": (0.08, 0.0, 0.05, 0.93),
    "hips": (0.16, -0.62, 0.02, 0.0),
    "spread": (0.95, 0.05, 0.10, 0.0),
}


def _hand(
    at: dict[str, np.ndarray], name: str, body: Body, elbow: np.ndarray, wrist: np.ndarray, out: np.ndarray
) -> None:
    along = (wrist - elbow) / np.linalg.norm(wrist - elbow, axis=1, keepdims=True)
    # Thumbs up, palms to each other: the knuckles spread in height.
    high = np.array([0.0, 1.0, 0.0]) - along[:, 1:2] * along
    high = high / np.linalg.norm(high, axis=1, keepdims=True)
    at |= {
        f"{name}_pinky": wrist + body.hand * (0.72 * along - 0.28 * high),
        f"{name}_index": wrist + body.hand * (0.80 * along + 0.22 * high),
        f"{name}_thumb": wrist + body.hand * (0.45 * along + 0.34 * high - 0.1 * out),
    }
