"""Bodies and ways to squat, as various as people's; whether a squat is good follows from its measures.

A person has habits, and every squat scatters around them. Most squats carry none to three faults, graded
from hardly there to plain. The label is never drawn: it is what the limits say of the joints at the bottom.
"""

from dataclasses import dataclass

import numpy as np

from deepsquat.data.synthetic.body import ARMS, Body, Posture, measured_points
from deepsquat.errors import UserError
from deepsquat.measures import FAULTS, Limits, faulty, measured

_CANDIDATES = 24  # forms that are drawn at once, to find one with the wanted label
_ROUNDS = 400  # some bodies squat well in one way of a hundred
_PEOPLE = 200

# Mass of trunk, head and arms, of both thighs, of both shanks, shares of the body's; the trunk's centre of
# mass over its length with the head on top (Winter, table 4.1).
_MASSES = (0.678, 0.2, 0.093)
_CENTRE = 0.775


@dataclass(frozen=True)
class Habit:
    """Means of one person's squats; radians, shares of the height, seconds."""

    shank: float
    thigh: float
    balance: float  # how far in front of the ankles the weight is held, share of the foot
    lean: float  # what the trunk leans beyond that
    caving: float
    seconds: float


@dataclass(frozen=True)
class Form:
    """One squat's posture at its deepest: angle or length by field of Posture; and its faults by name."""

    at_bottom: dict[str, float]
    faults: tuple[str, ...]

    @property
    def label(self) -> int:
        return 0 if self.faults else 1


@dataclass(frozen=True)
class Person:
    body: Body
    habit: Habit


def various_person(rng: np.random.Generator, limits: Limits) -> Person:
    """Somebody who can squat well under these limits.

    Raises:
        UserError: nobody can.
    """
    for _ in range(_PEOPLE):
        person = Person(_body(rng), _habit(rng))
        if _fitting_form(rng, person, 1, limits, rounds=2) is not None:
            return person
    raise UserError("data.limits: nobody squats well under these; make them wider")


def _body(rng: np.random.Generator) -> Body:
    """A body by chance: about twice the spread of adults of one sex, stance and toes narrow to wide."""
    height = float(np.clip(rng.normal(1.70, 0.11), 1.42, 2.05))

    def about(fraction: float, spread: float) -> float:
        return height * fraction * (1 + float(np.clip(rng.normal(0, spread), -2.2 * spread, 2.2 * spread)))

    shoulders = about(0.111, 0.10)
    return Body(
        height=height,
        shank=about(0.246, 0.05),
        thigh=about(0.245, 0.05),
        trunk=about(0.288, 0.05),
        shoulders=shoulders,
        hips=about(0.052, 0.14),
        upper_arm=about(0.186, 0.04),
        forearm=about(0.146, 0.04),
        hand=about(0.100, 0.05),
        foot=about(0.152, 0.06),
        ankle=about(0.042, 0.12),
        head=about(0.130, 0.05),
        girth=float(np.clip(rng.normal(1.0, 0.13), 0.78, 1.4)),
        stance=max(shoulders * rng.uniform(0.65, 2.0), 0.05 * height),
        toe_out=float(np.deg2rad(np.clip(rng.normal(17, 12), -8, 50))),
        arms=ARMS[rng.integers(len(ARMS))],
    )


def _habit(rng: np.random.Generator) -> Habit:
    return Habit(
        shank=float(np.deg2rad(rng.normal(29, 6))),
        thigh=float(np.deg2rad(rng.normal(99, 8))),
        balance=float(rng.normal(0.18, 0.10)),
        lean=float(np.deg2rad(rng.normal(0, 5))),
        caving=float(np.deg2rad(rng.normal(-6, 9))),
        seconds=float(np.clip(rng.lognormal(np.log(2.2), 0.3), 1.2, 5.0)),
    )


def various_form(rng: np.random.Generator, person: Person, label: int, limits: Limits) -> Form:
    """One squat of a person with the wanted label.

    Raises:
        UserError: the limits forbid nothing, or all but nothing.
    """
    form = _fitting_form(rng, person, label, limits, _ROUNDS)
    if form is None:
        word = "well" if label else "badly"
        raise UserError(f"data.limits: somebody cannot squat {word} under these; make them less extreme")
    return form


def faults_of(body: Body, at_bottom: dict[str, float], limits: Limits) -> tuple[str, ...]:
    """Which of FAULTS a posture at the bottom has under these limits."""
    posture = Posture(**{name: np.array([value]) for name, value in at_bottom.items()}, sway=np.zeros(1))
    wrong = faulty(measured(measured_points(body, posture)), limits)[0]
    return tuple(name for name, has in zip(FAULTS, wrong, strict=True) if has)


def _fitting_form(
    rng: np.random.Generator, person: Person, label: int, limits: Limits, rounds: int
) -> Form | None:
    habit = person.habit
    for _ in range(rounds):
        drawn = _candidates(rng, person.body, habit, _CANDIDATES)
        postures = Posture(**drawn, sway=np.zeros(_CANDIDATES))
        wrong = faulty(measured(measured_points(person.body, postures)), limits)
        fitting = np.flatnonzero(wrong.any(axis=1) != label)
        if len(fitting):
            # The rarer faults would hardly come up if the first were taken.
            has_wanted = wrong[fitting][:, rng.permutation(len(FAULTS))]
            i = int(fitting[np.lexsort(~has_wanted.T[::-1])[0]])
            faults = tuple(name for name, has in zip(FAULTS, wrong[i], strict=True) if has)
            return Form({name: float(values[i]) for name, values in drawn.items()}, faults)
        habit = _habit(rng)  # whose habit is a fault squats well in another way
    return None


def _candidates(rng: np.random.Generator, body: Body, habit: Habit, n: int) -> dict[str, np.ndarray]:
    """Postures at the bottom, (n,) a field."""
    severity = _severities(rng, n)
    side = rng.choice([-1.0, 1.0], n)

    def of(fault: str) -> np.ndarray:
        return severity[:, FAULTS.index(fault)]

    def degrees(spread: float) -> np.ndarray:
        return np.deg2rad(rng.normal(0, spread, n))

    shank = habit.shank + degrees(2.5) + np.deg2rad(18) * of("knees_forward")
    thigh = habit.thigh + degrees(4) - np.deg2rad(38) * of("too_shallow")
    lean = _balanced_lean(rng, body, habit, shank, thigh) + degrees(2.5) + np.deg2rad(26) * of("leaning")
    return {
        "shank": shank,
        "thigh": thigh,
        "lean": np.clip(lean, np.deg2rad(-5), np.deg2rad(85)),
        "rounding": np.deg2rad(np.abs(rng.normal(4, 4, n)) + 14 * of("leaning") * rng.random(n)),
        "caving": habit.caving
        + degrees(3)
        + np.deg2rad(32) * of("knees_caving")
        - np.deg2rad(30) * of("knees_bowing"),
        "heel": np.deg2rad(np.clip(rng.normal(0, 1.5, n), -2, 3) + 24 * of("heels_up")),
        "toe": np.deg2rad(20) * of("toes_up"),
        "shift": body.height * (rng.normal(0, 0.008, n) + side * 0.06 * of("shifted")),
        "tilt": degrees(2) + side * np.deg2rad(13) * of("shifted") * rng.uniform(0.3, 1, n),
        "turn": degrees(3),
    }


def _severities(rng: np.random.Generator, n: int) -> np.ndarray:
    """(n, faults): none to three faults each, from hardly there to plain."""
    count = rng.choice(4, n, p=[0.42, 0.34, 0.17, 0.07])
    rank = rng.random((n, len(FAULTS))).argsort(axis=1).argsort(axis=1)
    return np.where(rank < count[:, None], rng.uniform(0.1, 1.4, (n, len(FAULTS))), 0.0)


def _balanced_lean(
    rng: np.random.Generator, body: Body, habit: Habit, shank: np.ndarray, thigh: np.ndarray
) -> np.ndarray:
    """The trunk's lean that holds the body's weight over the feet, (n,) radians, and its habit on top."""
    knee = body.shank * np.sin(shank)
    hip = knee - body.thigh * np.sin(thigh)
    wanted = body.foot * (habit.balance + rng.normal(0, 0.05, len(shank)))
    trunk, thighs, shanks = _MASSES
    upper = (wanted - thighs * (knee + hip) / 2 - shanks * knee / 2) / trunk - hip
    upper = upper - rng.uniform(0, 0.06) * body.height  # what arms or a weight in front take over
    return np.arcsin(np.clip(upper / (_CENTRE * body.trunk), 0.02, 0.93)) + habit.lean
