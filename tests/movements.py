"""People who train, and do not squat: joints over time, as a body of segments that is led by its ends.

Metres; x to the body's own left, y up from the floor, z to where it faces. Thirty frames a second.
"""

from collections.abc import Callable

import numpy as np

from deepsquat.data.joints.estimator import estimated
from deepsquat.data.joints.view import View, placed_camera
from deepsquat.data.synthetic.bones import two_bones
from deepsquat.landmarks import NAMES

FPS = 30
SHANK, THIGH, TRUNK, UPPER_ARM, FOREARM = 0.42, 0.42, 0.49, 0.32, 0.26
SHOULDERS, HIPS, ANKLE = 0.17, 0.09, 0.07
LEG = SHANK + THIGH
STANDING = ANKLE + 0.995 * LEG  # of the hips over the floor


def body(
    hips: np.ndarray,
    lean: np.ndarray,
    feet: tuple[np.ndarray, np.ndarray],
    hands: tuple[np.ndarray, np.ndarray],
    toes: np.ndarray | float = 0.0,
) -> np.ndarray:
    """(n, 33, 3) joints of somebody whose hips' middle, ankles and wrists are at (n, 3), left and right.

    lean: (n,) radians of the trunk, forward; beyond pi / 2 the shoulders are below the hips.
    toes: radians that they point down.
    """
    n, at = len(hips), {}
    up = np.stack([np.zeros(n), np.cos(lean), np.sin(lean)], axis=1)
    ahead = np.stack([np.zeros(n), -np.sin(lean), np.cos(lean)], axis=1)
    chest = hips + TRUNK * up
    toes = np.broadcast_to(toes, n)
    pointing = np.stack([np.zeros(n), -np.sin(toes), np.cos(toes)], axis=1)
    below = np.stack([np.zeros(n), -np.cos(toes), -np.sin(toes)], axis=1)
    for name, side, foot, hand in (("left", 1.0, feet[0], hands[0]), ("right", -1.0, feet[1], hands[1])):
        across = np.array([side, 0.0, 0.0])
        hip, shoulder = hips + HIPS * across, chest + SHOULDERS * across
        knee, hip = two_bones(foot, hip, SHANK, THIGH, np.tile([0.3 * side, 0.0, 1.0], (n, 1)))
        elbow, wrist = two_bones(
            shoulder, hand, UPPER_ARM, FOREARM, np.tile([0.6 * side, -1.0, -0.3], (n, 1))
        )
        at |= {f"{name}_hip": hip, f"{name}_knee": knee, f"{name}_ankle": foot}
        at |= {f"{name}_heel": foot + 0.05 * below - 0.05 * pointing}
        at |= {f"{name}_foot_index": foot + 0.06 * below + 0.17 * pointing}
        at |= {f"{name}_shoulder": shoulder, f"{name}_elbow": elbow, f"{name}_wrist": wrist}
        at |= {f"{name}_{finger}": wrist for finger in ("pinky", "index", "thumb")}
        for part, aside, high, before in (("eye", 0.03, 0.22, 0.09), ("ear", 0.08, 0.2, 0.0)):
            at[f"{name}_{part}"] = chest + aside * across + high * up + before * ahead
        at |= {f"{name}_eye_inner": at[f"{name}_eye"], f"{name}_eye_outer": at[f"{name}_eye"]}
        at[f"mouth_{name}"] = chest + 0.02 * across + 0.14 * up + 0.09 * ahead
    at["nose"] = chest + 0.18 * up + 0.11 * ahead
    return np.stack([at[name] for name in NAMES], axis=1)


def seen(rng: np.random.Generator, joints: np.ndarray, view: View | None = None) -> tuple[np.ndarray, float]:
    """Landmarks (n, 33, 4) by a camera somewhere, with an estimator's errors, and the picture's aspect."""
    camera = placed_camera(rng, view or View(), joints)
    return estimated(rng, camera.landmarks(joints), camera.aspect, 1.0), camera.aspect


def there_and_back(
    rng: np.random.Generator, seconds: float, times: int = 3, hold: float = 0.0, first: float = 1.5
) -> np.ndarray:
    """(n,) from 0 to 1 and back so many times, each about so long; still before, between and after."""
    parts = [np.zeros(round(first * FPS))]
    for _ in range(times):
        n = max(2, round(seconds / 2 * rng.uniform(0.8, 1.2) * FPS))
        way = np.sin(np.linspace(0, np.pi / 2, n)) ** 2
        parts += [way, np.ones(round(hold * FPS)), way[::-1], np.zeros(round(rng.uniform(0.1, 0.8) * FPS))]
    return np.concatenate([*parts, np.zeros(FPS)])


def point(n: int, x: np.ndarray | float, y: np.ndarray | float, z: np.ndarray | float) -> np.ndarray:
    return np.stack([np.broadcast_to(value, n).astype(float) for value in (x, y, z)], axis=1)


def pair(n: int, x: np.ndarray | float, y: np.ndarray | float, z: np.ndarray | float):  # type: ignore[no-untyped-def]
    """The same on both sides, x apart."""
    return point(n, x, y, z), point(n, -np.asarray(x), y, z)


def shoulders_of(hips: np.ndarray, lean: np.ndarray) -> np.ndarray:
    return hips + TRUNK * np.stack([np.zeros(len(lean)), np.cos(lean), np.sin(lean)], axis=1)


def beside(at: np.ndarray, x: float, y: float, z: float) -> tuple[np.ndarray, np.ndarray]:
    """So far from places (n, 3), on the left and on the right."""
    return at + np.array([x, y, z]), at + np.array([-x, y, z])


def squats(
    rng: np.random.Generator,
    depth: float = 0.5,
    hold: float = 0.2,
    times: int = 3,
    seconds: float = 2.2,
    straight: float = 1.0,
    arms: str = "front",
    stance: float = 0.2,
) -> np.ndarray:
    """depth: what the hips go down, shares of the leg."""
    k = there_and_back(rng, seconds, times, hold)
    n = len(k)
    k = np.where(np.arange(n) > 2 * FPS, np.maximum(k, (1 - straight) / depth), k)
    lean = k * np.deg2rad(rng.uniform(25, 48)) * min(1.0, depth / 0.45)
    hips = point(n, 0, STANDING - depth * LEG * k, -k * 0.16 * min(1, depth / 0.4))
    at = shoulders_of(hips, lean)
    x, y, z = {
        "front": (0.15, -0.05, 0.5),
        "bar": (0.3, 0.02, -0.05),
        "goblet": (0.05, -0.12, 0.25),
        "hanging": (0.22, -0.55, 0.0),
    }[arms]
    return body(hips, lean, pair(n, stance, ANKLE, 0.0), beside(at, x, y, z))


def push_ups(rng: np.random.Generator) -> np.ndarray:
    k = there_and_back(rng, rng.uniform(1.2, 2.5), 4)
    n, knees = len(k), rng.random() < 0.2
    lean = np.deg2rad(75 + 12 * k + rng.uniform(-4, 4))
    chest_y = 0.55 - 0.38 * k
    down = TRUNK * np.cos(lean)
    hips = point(n, 0, chest_y - down, 0)
    far = -np.sqrt(np.maximum((0.99 * LEG) ** 2 - (hips[:, 1] - 0.12) ** 2, 0.01))
    feet = pair(n, 0.1, 0.12, far)
    if knees:
        feet = pair(n, 0.1, 0.1, far * 0.75)
    return body(hips, lean, feet, pair(n, rng.uniform(0.18, 0.35), 0.03, TRUNK * 0.97), toes=1.2)


def pull_ups(rng: np.random.Generator) -> np.ndarray:
    k = there_and_back(rng, rng.uniform(1.5, 3), 4)
    n = len(k)
    hips = point(n, 0, 1.35 + 0.45 * k, 0.05 * k)
    lean = np.deg2rad(-8 * k)
    tuck = rng.uniform(0, 0.6) * (k if rng.random() < 0.5 else np.ones(n))  # of the legs, knees to the chest
    behind = rng.random() < 0.5
    foot_y = hips[:, 1] - 0.99 * LEG * (1 - tuck)
    feet = pair(n, 0.09, foot_y, -0.3 * tuck if behind else 0.3 * tuck)
    return body(hips, lean, feet, pair(n, rng.uniform(0.2, 0.4), 2.38, 0.0), toes=0.8)


def knee_raises(rng: np.random.Generator) -> np.ndarray:
    """Hanging, or held by the forearms: the hips stay, the feet come up."""
    k = there_and_back(rng, rng.uniform(1.5, 2.5), 4)
    n, hang = len(k), rng.random() < 0.5
    hips = point(n, 0, 1.3, 0.06 * k)
    lean = np.deg2rad(-8 * k)
    drawn = rng.uniform(0.5, 0.8)
    feet = pair(n, 0.09, hips[:, 1] - LEG * (0.99 - drawn * k), rng.uniform(0.2, 0.6) * LEG * k)
    hands = pair(n, 0.25, 2.3, 0.0) if hang else pair(n, 0.28, 1.5, 0.2)
    return body(hips, lean, feet, hands, toes=0.6)


def hinges(
    rng: np.random.Generator, lean: tuple[float, float], low: tuple[float, float], hands: str, seconds: float
) -> np.ndarray:
    """Deadlifts and the like. lean: degrees; low: how far the hips go down, shares of the leg."""
    k = there_and_back(rng, seconds * rng.uniform(0.7, 1.4), 4, rng.uniform(0, 0.4))
    n = len(k)
    tilt = k * np.deg2rad(rng.uniform(*lean))
    drop = rng.uniform(*low)
    hips = point(n, 0, STANDING - drop * LEG * k, -k * rng.uniform(0.18, 0.3))
    at = shoulders_of(hips, tilt)
    x = rng.uniform(0.05, 0.3)
    if hands == "floor":
        wrists = pair(n, x, np.maximum(at[:, 1] - 0.57, 0.2), 0.1)
    elif hands == "shins":
        wrists = pair(n, x, np.maximum(at[:, 1] - 0.57, rng.uniform(0.2, 0.5)), 0.12)
    elif hands == "swing":
        reach = tilt - np.deg2rad(90) * (1 - k)
        wrists = (
            at + np.stack([np.full(n, -0.15), -0.52 * np.cos(reach), -0.52 * np.sin(reach)], 1),
            at + np.stack([np.full(n, 0.15), -0.52 * np.cos(reach), -0.52 * np.sin(reach)], 1),
        )
    else:  # at the shoulders, as under a bar, or crossed
        wrists = beside(at, 0.25, 0.02, 0)
    return body(hips, tilt, pair(n, rng.uniform(0.1, 0.25), ANKLE, 0.0), wrists)


def deadlifts(rng: np.random.Generator) -> np.ndarray:
    return hinges(rng, (58, 82), (0.12, 0.38), "floor", 3.0)


def romanian(rng: np.random.Generator) -> np.ndarray:
    return hinges(rng, (65, 90), (0.05, 0.18), "shins", 3.0)


def good_mornings(rng: np.random.Generator) -> np.ndarray:
    return hinges(rng, (60, 92), (0.05, 0.16), "bar", 3.0)


def swings(rng: np.random.Generator) -> np.ndarray:
    return hinges(rng, (56, 80), (0.06, 0.2), "swing", 1.3)


def jumping_jacks(rng: np.random.Generator) -> np.ndarray:
    k = there_and_back(rng, rng.uniform(0.9, 1.4), 7)
    n = len(k)
    aside = 0.09 + rng.uniform(0.25, 0.4) * k
    jump = 0.06 * np.sin(np.pi * k) ** 2
    hips = point(n, 0, ANKLE + np.sqrt((0.99 * LEG) ** 2 - (aside - HIPS) ** 2) - 0.03 * k + jump, 0)
    angle = np.pi * 0.93 * k
    hands = pair(n, SHOULDERS + 0.56 * np.sin(angle) + 0.02, hips[:, 1] + TRUNK - 0.56 * np.cos(angle), 0.02)
    return body(hips, np.zeros(n), pair(n, aside, ANKLE + jump, 0), hands)


def lunges(rng: np.random.Generator) -> np.ndarray:
    """Forward or backward, in turn or with one leg, or with the feet left where they are."""
    k = there_and_back(rng, rng.uniform(1.8, 3.0), 4, 0.1)
    n, split = len(k), rng.random() < 0.3
    stride = rng.uniform(0.65, 1.0)
    step = np.ones(n) if split else np.clip(k * 1.6, 0, 1)
    forward = rng.random() < 0.5
    drop = rng.uniform(0.3, 0.5)
    top = np.sqrt((0.985 * LEG) ** 2 - (stride / 2 * step) ** 2)
    hips_y = ANKLE + (1 - k) * top + k * np.minimum(top, LEG * (1 - drop))
    lift = 0.1 * np.sin(np.pi * step) * (0 if split else 1)
    turn = (
        np.cumsum(np.diff((k > 0.01).astype(int), prepend=0) > 0) % 2 if rng.random() < 0.5 else np.zeros(n)
    )
    fore = stride * step if forward or split else np.zeros(n)
    back = np.zeros(n) if forward or split else -stride * step
    rear_up = 0.08 * k
    front_foot = point(n, 0.1, ANKLE + (lift if forward else 0), fore)
    rear_foot = point(n, 0.1, ANKLE + rear_up + (0 if forward else lift), back)
    left_is_front = (turn == 0)[:, None]
    left = np.where(left_is_front, front_foot, rear_foot)
    right = np.where(left_is_front, rear_foot, front_foot) * [-1, 1, 1]
    middle = (fore + back) / 2
    lean = k * np.deg2rad(rng.uniform(0, 20))
    hips = point(n, 0, hips_y, middle)
    at = shoulders_of(hips, lean)
    x, y = ((0.22, -0.55), (0.2, -0.4))[rng.integers(2)]
    return body(hips, lean, (left, right), beside(at, x, y, 0.05))


def raises(rng: np.random.Generator) -> np.ndarray:
    """Of the arms, to the side or ahead, or of the heels."""
    k = there_and_back(rng, rng.uniform(1.5, 2.5), 4)
    n, kind = len(k), rng.integers(3)
    heels = 0.09 * k * (kind == 2)
    hips = point(n, 0, STANDING - 0.01 + heels, 0)
    at = shoulders_of(hips, np.zeros(n))
    angle = np.deg2rad(95) * k * (kind < 2)
    x = 0.56 * np.sin(angle) * (kind == 0) + 0.03
    z = 0.56 * np.sin(angle) * (kind == 1)
    hands = (
        at + np.stack([x, -0.56 * np.cos(angle), z], 1),
        at + np.stack([-x, -0.56 * np.cos(angle), z], 1),
    )
    return body(hips, np.zeros(n), pair(n, 0.12, ANKLE + heels, 0), hands, toes=0.5 * k * (kind == 2))


def dips(rng: np.random.Generator) -> np.ndarray:
    k = there_and_back(rng, rng.uniform(1.5, 2.5), 4)
    n = len(k)
    hips = point(n, 0, 1.15 - 0.3 * k, -0.05 * k)
    lean = np.deg2rad(5 + 25 * k)
    bent = rng.uniform(0.1, 0.5) + rng.uniform(0, 0.15) * k
    feet = pair(n, 0.06, hips[:, 1] - LEG * (1 - bent), -0.35 * bent)
    return body(hips, lean, feet, pair(n, 0.3, 1.1, 0.05), toes=0.7)


def bench_dips(rng: np.random.Generator) -> np.ndarray:
    """After some seconds of standing in front of the bench."""
    k = there_and_back(rng, rng.uniform(1.5, 2.5), 4, first=4.0)
    n = len(k)
    down = np.clip((np.arange(n) / FPS - 2.0) / 1.2, 0, 1) ** 2
    down = np.where(np.arange(n) / FPS > n / FPS - 0.8, down, down)
    hips = point(n, 0, STANDING * (1 - down) + down * (0.5 - 0.22 * k), 0.1 * down)
    feet = pair(n, 0.1, ANKLE, 0.02 + 0.72 * down)
    hands = pair(n, 0.25, 0.75 * (1 - down) + 0.45 * down, -0.1)
    return body(hips, np.deg2rad(5 * down), feet, hands, toes=-0.5)


def presses(rng: np.random.Generator) -> np.ndarray:
    k = there_and_back(rng, rng.uniform(1.5, 2.5), 4)
    n = len(k)
    # A little knee bend before each, of what a push press needs.
    hips = point(n, 0, STANDING - 0.02 - rng.uniform(0, 0.05) * np.sin(np.pi * k) ** 2, 0)
    at = shoulders_of(hips, np.zeros(n))
    lift = np.stack([np.zeros(n), 0.05 + 0.5 * k, 0.12 * (1 - k)], 1)
    return body(hips, -0.1 * k, pair(n, 0.15, ANKLE, 0), (at + lift + [0.15, 0, 0], at + lift - [0.15, 0, 0]))


def sitting_down(rng: np.random.Generator, up_again: bool | None = None) -> np.ndarray:
    """On a chair, for some seconds or until the clip ends."""
    again = rng.random() < 0.5 if up_again is None else up_again
    rest = rng.uniform(6, 15)
    k = there_and_back(rng, 2.4, 1, rest, first=2.5)
    if not again:
        k = k[: round((2.5 + 1.2 + rest - 1) * FPS)]
    n = len(k)
    lean = np.deg2rad(40 * np.sin(np.pi * k) + 5)  # leaning on the way, upright on the chair
    hips = point(n, 0, STANDING - k * (STANDING - rng.uniform(0.42, 0.55)), -0.4 * k)
    at = shoulders_of(hips, lean)
    hands = (
        at + np.stack([np.full(n, 0.0), -0.5 + 0.02 * k, 0.1 + 0.25 * k], 1),
        at + np.stack([np.full(n, 0.0), -0.5 + 0.02 * k, 0.1 + 0.25 * k], 1),
    )
    return body(hips, lean, pair(n, 0.14, ANKLE, 0), hands)


def walking(rng: np.random.Generator) -> np.ndarray:
    n = round(rng.uniform(6, 10) * FPS)
    time = np.arange(n) / FPS
    phase = 2 * np.pi * rng.uniform(0.7, 1.0) * time
    way = rng.uniform(0.0, 0.3) * (time - time.mean())
    stride = 0.3
    left = point(n, 0.09, ANKLE + 0.12 * np.clip(np.cos(phase), 0, 1), way + stride * np.sin(phase))
    right = point(n, -0.09, ANKLE + 0.12 * np.clip(-np.cos(phase), 0, 1), way - stride * np.sin(phase))
    hips = point(n, 0, STANDING - 0.06 + 0.02 * np.cos(2 * phase), way)
    at = shoulders_of(hips, np.full(n, 0.03))
    swing = 0.2 * np.sin(phase)
    hands = (
        at + np.stack([np.full(n, 0.05), np.full(n, -0.53), -swing], 1),
        at + np.stack([np.full(n, -0.05), np.full(n, -0.53), swing], 1),
    )
    return body(hips, np.full(n, 0.03), (left, right), hands)


def bending(rng: np.random.Generator) -> np.ndarray:
    """For a bottle on the floor: on both legs, or with one off the floor."""
    k = there_and_back(rng, rng.uniform(1.6, 2.6), 2, 0.2)
    n, on_one = len(k), rng.random() < 0.5
    lean = np.deg2rad(rng.uniform(75, 110)) * k
    drop = rng.uniform(0.06, 0.32)
    hips = point(n, 0, STANDING - drop * LEG * k, -0.2 * k)
    at = shoulders_of(hips, lean)
    down = np.minimum(0.57, at[:, 1] - 0.05)
    one = at + np.stack([np.zeros(n), -down, 0.05 * k], 1)
    other = at + np.stack([np.full(n, -0.05), -0.3 - 0.25 * (1 - k), np.zeros(n)], 1)
    lifted = (rng.uniform(0.1, 0.6) * k) if on_one else np.zeros(n)
    feet = point(n, 0.1, ANKLE, 0), point(n, -0.1, ANKLE + lifted, -0.8 * lifted)
    return body(hips, lean, feet, (one, other))


def kneeling(rng: np.random.Generator) -> np.ndarray:
    """On one knee, as to tie a shoe, and up again."""
    k = there_and_back(rng, 2.6, 1, rng.uniform(0.5, 3))
    n = len(k)
    hips = point(n, 0, STANDING - 0.52 * LEG * k, -0.05 * k)
    lean = np.deg2rad(rng.uniform(5, 45)) * k
    at = shoulders_of(hips, lean)
    feet = point(n, 0.1, ANKLE, 0.35 * k), point(n, -0.1, ANKLE + 0.06 * k, -0.5 * k)
    hands = beside(at, 0.02, -0.5, 0.1)
    return body(hips, lean, feet, hands)


def step_ups(rng: np.random.Generator) -> np.ndarray:
    """One foot on a box of 40 cm, then the other, and down again."""
    k = there_and_back(rng, 2.6, 4, 0.4)
    n, box = len(k), 0.35
    first, second = np.clip(k * 2, 0, 1), np.clip(k * 2 - 1, 0, 1)
    left = point(n, 0.1, ANKLE + box * first, 0.35 * first)
    right = point(n, -0.1, ANKLE + box * second, 0.35 * second)
    hips = point(n, 0, STANDING - 0.02 + box * second, 0.1 * first + 0.25 * second)
    lean = np.deg2rad(25 * np.sin(np.pi * k))
    at = shoulders_of(hips, lean)
    return body(hips, lean, (left, right), beside(at, 0.05, -0.54, 0.02))


def bridges(rng: np.random.Generator) -> np.ndarray:
    """Hip thrusts: the shoulders on a bench, or on the floor."""
    k = there_and_back(rng, rng.uniform(1.5, 2.5), 4)
    n, bench = len(k), rng.choice([0.05, 0.42])
    hips = point(n, 0, 0.14 + 0.35 * k, 0)
    lean = -np.arccos(np.clip((bench - hips[:, 1]) / TRUNK, -1, 1))
    at = shoulders_of(hips, lean)
    return body(hips, lean, pair(n, 0.14, ANKLE, 0.5), beside(at, 0.2, 0.05, 0.3))


OTHERS: tuple[Callable[[np.random.Generator], np.ndarray], ...] = (
    push_ups, pull_ups, knee_raises, deadlifts, romanian, good_mornings, swings, jumping_jacks, lunges,
    raises, dips, bench_dips, presses, sitting_down, walking, bending, kneeling, step_ups, bridges,
)  # fmt: skip
