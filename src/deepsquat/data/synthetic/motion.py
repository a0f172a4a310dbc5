"""What a subject does in one video: squats, their faults, and the posture in every frame.

People who are `alike` are built and move as an average man, with the paper's three faults and two more, each
on top of one good form. `various` people are those of `deepsquat.data.synthetic.people`, and their labels
follow from measures of the body.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from deepsquat.data.synthetic.body import POINT, Body, Posture, drawn_body, points
from deepsquat.data.synthetic.people import faults_of, various_form, various_person
from deepsquat.measures import Limits

FPS = 30
# Of people who are alike: the paper's three, and two more that coaches name.
FAULTS = ("balance_lost", "back_bent", "knees_forward", "knees_caving", "too_shallow")

# Of various people: a squat keeps clear of the limits, good or bad, but for the edge's share.
USUAL = Limits()
CLEARLY_GOOD = Limits(
    depth=0.03, lean=41, knees_in=1.08, knees_out=3.2, heel=6, toe=6, knees_forward=0.10, shift=0.06, tilt=6
)
CLEARLY_BAD = Limits(
    depth=0.13,
    lean=51,
    knees_in=0.88,
    knees_out=3.5,
    heel=14,
    toe=14,
    knees_forward=0.19,
    shift=0.13,
    tilt=13,
)

MOST_LEAN = 75.0  # degrees of the upper trunk: beyond, it is a bow

# Severity 1 is a plain fault. A share of the squats lies at the edge, where a judge could say either.
EDGE = 0.09
EDGE_GOOD = (0.05, 0.42)
EDGE_BAD = (0.18, 0.60)
PLAIN_BAD = (1.05, 0.17)  # mean, standard deviation


@dataclass(frozen=True)
class Rep:
    """One squat by whole frames: [start, end] with `bottom` the deepest."""

    start: int
    bottom: int
    end: int
    label: int  # 1 good, 0 bad
    faults: tuple[str, ...]


@dataclass(frozen=True)
class Habit:
    """How a subject's good squat looks at its deepest; radians, metres."""

    shank: float
    thigh: float
    lean: float
    caving: float
    seconds: float


@dataclass(frozen=True)
class Motion:
    """A video's squats and (n, len(body.POINTS), 3) points, metres."""

    body: Body
    reps: tuple[Rep, ...]
    points: np.ndarray


@dataclass(frozen=True)
class Squatter:
    """Who squats in a video: a body, about how many seconds a squat takes it, and the form of each."""

    body: Body
    seconds: float
    # By the squat's number: the posture at the bottom, and the faults.
    form: Callable[[int], tuple[dict[str, float], tuple[str, ...]]]


def filmed_motion(
    seed: int, video: int, subject: int, labels: tuple[int, ...], people: str = "alike"
) -> Motion:
    """The motion of one video; it depends on nothing but the arguments. people: various or alike."""
    who, rng = np.random.default_rng([seed, 1, subject]), np.random.default_rng([seed, 2, video])
    squatter = (_alike if people == "alike" else _various)(who, rng, labels)
    depth, spans, forms, faults = [_pause(rng)], [], [], []
    start = len(depth[0])
    for number in range(len(labels)):
        curve = _depth_curve(rng, squatter.seconds)
        spans.append((start, start + len(curve) - 1))
        at_bottom, named = squatter.form(number)
        forms.append(at_bottom)
        faults.append(named)
        pause = _pause(rng)
        depth += [curve, pause]
        start += len(curve) + len(pause)
    posture = _posture(rng, np.concatenate(depth), spans, forms)
    at = points(squatter.body, posture)
    hips = at[:, [POINT["left_hip"], POINT["right_hip"]], 1].mean(axis=1)
    reps = tuple(
        Rep(first, first + int(np.argmin(hips[first : last + 1])), last, label, named)
        for (first, last), label, named in zip(spans, labels, faults, strict=True)
    )
    return Motion(squatter.body, reps, at)


def _various(who: np.random.Generator, rng: np.random.Generator, labels: tuple[int, ...]) -> Squatter:
    person = various_person(who, CLEARLY_GOOD)

    def form(number: int) -> tuple[dict[str, float], tuple[str, ...]]:
        label = labels[number]
        clear = CLEARLY_GOOD if label else CLEARLY_BAD
        limits = USUAL if rng.random() < EDGE else clear
        found = various_form(rng, person, label, limits)
        while _lean(found.at_bottom) > MOST_LEAN:
            found = various_form(rng, person, label, limits)
        return found.at_bottom, faults_of(person.body, found.at_bottom, USUAL)

    return Squatter(person.body, person.habit.seconds, form)


def _lean(at_bottom: dict[str, float]) -> float:
    """Of the upper trunk, degrees."""
    return float(np.rad2deg(at_bottom["lean"] + at_bottom["rounding"]))


def _alike(who: np.random.Generator, rng: np.random.Generator, labels: tuple[int, ...]) -> Squatter:
    body, habit = drawn_body(who), _habit(who)
    severities = _severities(rng, labels)

    def form(number: int) -> tuple[dict[str, float], tuple[str, ...]]:
        severity = severities[number]
        named = tuple(name for name in FAULTS if name in severity) if labels[number] == 0 else ()
        return _form(rng, habit, severity), named

    return Squatter(body, habit.seconds, form)


def _habit(rng: np.random.Generator) -> Habit:
    return Habit(
        shank=np.deg2rad(rng.normal(29, 2)),
        thigh=np.deg2rad(rng.normal(98, 2.5)),
        lean=np.deg2rad(rng.normal(33, 2.5)),
        caving=np.deg2rad(rng.normal(0, 2)),
        seconds=float(np.clip(rng.normal(1.9, 0.2), 1.5, 2.6)),
    )


def _severities(rng: np.random.Generator, labels: tuple[int, ...]) -> list[dict[str, float]]:
    """For each squat its faults with their severities; a good one may carry a slight one too."""
    order = list(rng.permutation(FAULTS))
    found: list[dict[str, float]] = []
    for label in labels:
        edge = rng.random() < EDGE
        if label == 1:
            found.append({str(rng.choice(FAULTS)): rng.uniform(*EDGE_GOOD)} if edge else {})
            continue
        fault = str(order[0])
        order = order[1:] + order[:1]
        if edge:
            found.append({fault: rng.uniform(*EDGE_BAD)})
            continue
        chosen = {fault: float(np.clip(rng.normal(*PLAIN_BAD), 0.65, 1.3))}
        if rng.random() < 0.3:  # a second fault, not quite as plain
            other = str(rng.choice([name for name in FAULTS if name != fault]))
            chosen[other] = rng.uniform(0.5, 0.9)
        found.append(chosen)
    return found


def _form(rng: np.random.Generator, habit: Habit, severity: dict[str, float]) -> dict[str, float]:
    """The posture at the bottom of one squat: the habit, its natural variation, and the faults on top."""

    def s(fault: str) -> float:
        return severity.get(fault, 0.0)

    side = rng.choice([-1.0, 1.0])
    bent = rng.uniform(0.3, 0.7)  # how much of a bent back is leaning, the rest is rounding
    lean = habit.lean + np.deg2rad(rng.normal(0, 1.7) - 20 * s("knees_forward"))
    return {
        "shank": habit.shank + np.deg2rad(rng.normal(0, 1.3) + 17 * s("knees_forward")),
        "thigh": habit.thigh + np.deg2rad(rng.normal(0, 2) - 42 * s("too_shallow")),
        "lean": lean + np.deg2rad(34 * bent) * s("back_bent") - 0.25 * habit.lean * s("too_shallow"),
        "rounding": np.deg2rad(rng.normal(4, 1.5) + 40 * (1 - bent) * s("back_bent")),
        "caving": habit.caving + np.deg2rad(rng.normal(0, 1.5) + 30 * s("knees_caving")),
        "heel": np.deg2rad(26 * s("knees_forward")),
        "shift": rng.normal(0, 0.006) + side * 0.13 * s("balance_lost"),
        "tilt": np.deg2rad(rng.normal(0, 1.0) + side * 16 * s("balance_lost")),
    }


def _depth_curve(rng: np.random.Generator, seconds: float) -> np.ndarray:
    """(n,) depth from 0 over 1 at the bottom to 0; the bottom is rounded, so that one frame is deepest."""
    total = float(np.clip(rng.normal(seconds, 0.15), 1.0, 6.0))
    hold = rng.uniform(0.12, 0.3)
    down = (total - hold) * rng.uniform(0.46, 0.56)
    up = total - hold - down
    rounds = 0.015
    time = np.arange(round(total * FPS) + 1) / FPS
    return (1 - rounds) * np.minimum(_smooth(time / down), _smooth((total - time) / up)) + rounds * (
        np.clip(1 - ((time - down - hold / 2) / (0.25 + hold / 2)) ** 2, 0, None)
    )


def _smooth(x: np.ndarray) -> np.ndarray:
    """Minimum jerk from 0 to 1 (Flash and Hogan 1985)."""
    x = np.clip(x, 0, 1)
    return x**3 * (10 - 15 * x + 6 * x**2)


def _pause(rng: np.random.Generator) -> np.ndarray:
    return np.zeros(int(rng.integers(4, 12)))


def _posture(
    rng: np.random.Generator,
    depth: np.ndarray,
    spans: list[tuple[int, int]],
    forms: list[dict[str, float]],
) -> Posture:
    standing = {"shank": 0.05, "thigh": 0.06, "lean": 0.05, "rounding": 0.03}
    angles: dict[str, np.ndarray] = {}
    for name in forms[0]:
        rest = standing.get(name, 0.0)
        angles[name] = np.full(len(depth), rest)
        for (first, last), form in zip(spans, forms, strict=True):
            here = slice(first, last + 1)
            angles[name][here] = rest + depth[here] * (form[name] - rest)
    angles["tilt"] = angles["tilt"] + _sway(rng, len(depth), 0.006)
    angles["shift"] = angles["shift"] + _sway(rng, len(depth), 0.003)
    still = np.zeros(len(depth))
    unless_moved = {"toe": still, "turn": still}
    return Posture(**unless_moved | angles, sway=_sway(rng, len(depth), 0.004))


def _sway(rng: np.random.Generator, n: int, size: float) -> np.ndarray:
    """(n,) slow wandering of about `size`."""
    time = np.arange(n) / FPS
    waves = (np.sin(2 * np.pi * (rng.uniform(0.1, 0.7) * time + rng.random())) for _ in range(3))
    return size * np.sum(list(waves), axis=0) / np.sqrt(1.5)
