"""Squats are found in made landmark series, and nothing else is taken for one."""

from itertools import pairwise

import numpy as np
import pytest

from deepsquat.data.joints.estimator import estimated
from deepsquat.data.joints.view import View, placed_camera
from deepsquat.data.synthetic.motion import FPS, Motion, filmed_motion
from deepsquat.landmarks import INDEX, NAMES
from deepsquat.repetitions import _scene_changes, find, hip_height
from deepsquat.sides import OTHER
from movements import OTHERS, sitting_down, squats
from movements import seen as filmed

NEAR = 0.2  # seconds


def seen(video: int, labels: tuple[int, ...], view: View | None = None) -> tuple[Motion, np.ndarray, float]:
    """A made-up person's squats, as an estimator sees them by a camera somewhere."""
    rng = np.random.default_rng(video)
    motion = filmed_motion(3, video, video, labels)
    camera = placed_camera(rng, view or View(), motion.points)
    return motion, estimated(rng, camera.landmarks(motion.points), camera.aspect, 1.0), camera.aspect


def times_of(landmarks: np.ndarray) -> np.ndarray:
    return np.arange(len(landmarks)) / FPS


@pytest.mark.parametrize("every", [1, 2, 3, 6])  # 30 to 5 a second
def test_every_squat_is_found_at_its_bottom_from_every_side(every: int) -> None:
    right = 0
    for video in range(12):
        motion, landmarks, aspect = seen(video, (1, 0, 1)[: 1 + video % 3])
        found = find(times_of(landmarks)[::every], landmarks[::every], aspect)
        whole = [one for one in found if not one.partial]
        right += len(whole) == len(motion.reps)
        for one, rep in zip(whole, motion.reps, strict=False):
            assert one.start is not None and one.bottom is not None and one.end is not None
            assert abs(one.bottom - rep.bottom / FPS) < NEAR
            assert rep.start / FPS - 0.7 < one.start < one.bottom < one.end < rep.end / FPS + 0.7
    assert right >= 11  # one in a hundred lies at the limit


def test_squats_in_slow_motion_are_found_where_that_is_said() -> None:
    motion, landmarks, aspect = seen(1, (1, 1))
    real = times_of(landmarks)
    assert find(12 * real, landmarks, aspect) == []
    slow = find(12 * real, landmarks, aspect, slowed=12)
    assert len(slow) == len(motion.reps)
    for one, other in zip(slow, find(real, landmarks, aspect), strict=True):
        assert [one.start, one.bottom, one.end] == [12 * t for t in (other.start, other.bottom, other.end)]
    (one,), (other,) = hip_height(8 * real, landmarks, aspect, 8), hip_height(real, landmarks, aspect)
    assert one[0] == pytest.approx(8 * other[0]) and one[1] == pytest.approx(other[1])


def test_poses_that_swap_sides_or_are_missing_for_a_while_change_nothing() -> None:
    motion, landmarks, aspect = seen(1, (1, 1))
    before = find(times_of(landmarks), landmarks, aspect)
    left = [i for i, name in enumerate(NAMES) if "left" in name]
    right = [INDEX[NAMES[i].replace("left", "right")] for i in left]
    swapped = landmarks.copy()
    swapped[10:40, left + right] = landmarks[10:40, right + left]
    swapped[50:58] = np.nan
    after = find(times_of(landmarks), swapped, aspect)
    assert len(after) == len(before) == len(motion.reps)
    for one, other in zip(before, after, strict=True):
        assert one.bottom == pytest.approx(other.bottom, abs=NEAR)


def test_what_the_clip_cuts_off_is_partial_and_not_guessed() -> None:
    motion, landmarks, aspect = seen(1, (1, 1, 1))
    first, last = motion.reps[0], motion.reps[-1]
    some = slice(first.bottom + 6, last.bottom + 6)
    cut = find(times_of(landmarks)[some], landmarks[some], aspect)
    assert [one.partial for one in cut] == [True, False, True]
    assert cut[0].start is None and cut[0].bottom is None and cut[0].end is not None
    assert cut[2].start is not None and cut[2].end is None
    assert cut[2].bottom == pytest.approx(last.bottom / FPS, abs=NEAR)


def test_a_camera_that_tilts_or_zooms_changes_nothing() -> None:
    motion, landmarks, aspect = seen(4, (1, 1))
    moved = landmarks.copy()
    wave = np.sin(np.arange(len(landmarks)) / 20)[:, None]
    moved[..., 1] += 0.2 * wave
    moved[..., :2] *= 1 + 0.2 * np.linspace(0, 1, len(landmarks))[:, None, None]
    assert len(find(times_of(landmarks), moved, aspect)) == len(motion.reps)


def figure(hip: np.ndarray, trunk: np.ndarray, **more: np.ndarray) -> np.ndarray:
    """A stick figure from the side, y down, legs of two times .2: (n, 33, 4).

    hip: height of the hips over the floor. trunk: lean of the trunk in degrees. lift: of both feet;
    left_ankle: of the left foot alone; hands: height over the floor;
    hip_forward: of the hips, before the feet.
    """
    n = len(hip)
    zero = np.zeros(n)
    lift = more.get("lift", zero)
    points = np.zeros((n, 33, 4))
    points[..., 3] = 1

    def put(names: str, x: np.ndarray, up: np.ndarray) -> None:
        for side in ("left", "right"):
            for name in names.split():
                points[:, INDEX[f"{side}_{name}"], 0] = 0.5 + x
                points[:, INDEX[f"{side}_{name}"], 1] = 0.9 - up

    hip_x = more.get("hip_forward", zero)
    half = np.hypot(hip_x, hip - lift) / 2
    knee_x = hip_x / 2 + np.sqrt(np.clip(0.2**2 - half**2, 0, None))
    put("hip", hip_x, hip)
    put("knee", knee_x, (hip + lift) / 2)
    put("ankle heel foot_index", zero, lift)
    lean = np.deg2rad(trunk)
    put("shoulder ear", hip_x + 0.25 * np.sin(lean), hip + 0.25 * np.cos(lean))
    put("wrist elbow", hip_x + 0.25 * np.sin(lean), more.get("hands", hip))
    points[:, INDEX["left_ankle"], 1] -= more.get("left_ankle", zero)
    return points


TIME = np.arange(0, 8, 0.1)
DIP = np.clip(1 - np.abs(TIME - 4) / 1.2, 0, 1)  # from 2.8 over 4 to 5.2 seconds
STILL = np.zeros_like(TIME)


def dips(height: float, trunk: float, **more: np.ndarray) -> np.ndarray:
    """A figure whose hips go down from .4 and whose trunk leans from upright, once."""
    return figure(0.4 + DIP * (height - 0.4), DIP * trunk, **more)


@pytest.mark.parametrize(
    "landmarks",
    [
        pytest.param(dips(0.39, 85, hands=0.4 - 0.3 * DIP), id="a bow"),
        pytest.param(dips(0.33, 70, hands=0.4 - 0.35 * DIP), id="a deadlift"),
        pytest.param(dips(0.30, 80, left_ankle=0.2 * DIP, hands=0.4 - 0.38 * DIP), id="a bend on one leg"),
        pytest.param(
            figure(0.12 - 0.06 * DIP, STILL + 85, hands=STILL, hip_forward=STILL + 0.38), id="push-ups"
        ),
        pytest.param(figure(0.4 + 0.15 * DIP, STILL, lift=0.3 * DIP, hands=STILL + 0.8), id="pull-ups"),
        pytest.param(figure(0.4 + 0.01 * np.sin(TIME * 9), STILL), id="walking"),
    ],
)
def test_other_movements_are_no_squats(landmarks: np.ndarray) -> None:
    assert find(TIME, landmarks, 1.0) == []


def test_a_shallow_squat_is_one_and_so_is_one_held_at_the_bottom() -> None:
    (shallow,) = find(TIME, dips(0.3, 30), 1.0)
    assert shallow.bottom == pytest.approx(4, abs=NEAR)
    held = np.clip(1.5 * DIP, 0, 1)
    (one,) = find(TIME, figure(0.4 - 0.2 * held, 40 * held), 1.0)
    assert one.bottom == pytest.approx(4, abs=NEAR) and not one.partial


def test_feet_that_stand_wide_apart_are_seen_one_above_the_other_from_the_side() -> None:
    (one,) = find(TIME, dips(0.2, 30, left_ankle=STILL + 0.16), 1.0)  # .4 of the leg
    assert one.bottom == pytest.approx(4, abs=NEAR) and not one.partial


def test_where_there_is_nobody_there_is_no_squat() -> None:
    nobody = np.full((50, 33, 4), np.nan)
    assert find(np.arange(50) / 10, nobody, 1.0) == []
    assert find(np.zeros(0), nobody[:0], 1.0) == []


LONG = np.arange(0, 14, 0.1)
BOTTOMS = (3.0, 6.5, 10.0)
DIPS = np.sin(np.pi / 2 * np.max([np.clip(1 - np.abs(LONG - b) / 1.2, 0, 1) for b in BOTTOMS], axis=0)) ** 2
WALK = np.clip((2 - LONG) / 2, 0, 1) + np.clip((LONG - 12) / 2, 0, 1)  # in, and out again


def three_squats(times: np.ndarray = LONG, straight: float = 1.0) -> np.ndarray:
    """straight: how far somebody stands up after having gone down for the first time."""
    hip = np.minimum(0.4 - 0.2 * DIPS, 0.4 * np.where(LONG > 2, straight, 1.0))
    return figure(np.interp(times, LONG, hip), np.interp(times, LONG, 40 * DIPS))


def moved(landmarks: np.ndarray, x: np.ndarray) -> np.ndarray:
    changed = landmarks.copy()
    changed[..., 0] += x[:, None]
    return changed


def nearer(landmarks: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """As the camera sees it when somebody comes nearer."""
    changed = landmarks.copy()
    changed[..., :2] = 0.5 + factor[:, None, None] * (landmarks[..., :2] - 0.5)
    return changed


def trembling(landmarks: np.ndarray) -> np.ndarray:
    changed = landmarks.copy()
    changed[..., :2] += np.random.default_rng(0).normal(0, 0.008, changed[..., :2].shape)
    return changed


def without(landmarks: np.ndarray, begin: float, end: float) -> np.ndarray:
    changed = landmarks.copy()
    changed[(begin < LONG) & (end > LONG)] = np.nan
    return changed


SIXTY, UNEVEN = np.arange(0, 14, 1 / 60), np.sort(np.random.default_rng(0).uniform(0, 13.9, 140))


@pytest.mark.parametrize(
    ("times", "landmarks"),
    [
        pytest.param(LONG, three_squats(straight=0.93), id="who never quite straightens"),
        pytest.param(LONG, moved(three_squats(), 0.6 * WALK), id="walking in and out at the side"),
        pytest.param(LONG, nearer(three_squats(), 1 - 0.5 * WALK), id="walking in from afar, and out"),
        pytest.param(
            LONG, nearer(three_squats(), 0.5 + 0.5 * WALK), id="walking away from the camera, and back"
        ),
        pytest.param(LONG, moved(three_squats(), 0.3 * np.sin(LONG)), id="a camera that pans"),
        pytest.param(LONG, trembling(three_squats()), id="poses that tremble"),
        pytest.param(LONG, without(three_squats(), 8.0, 8.5), id="a cross-fade without poses"),
        pytest.param(SIXTY, three_squats(SIXTY), id="sixty poses a second"),
        pytest.param(UNEVEN, three_squats(UNEVEN), id="uneven times"),
    ],
)
def test_three_squats_are_three(times: np.ndarray, landmarks: np.ndarray) -> None:
    found = find(times, landmarks, 1.0)
    assert [one.partial for one in found] == [False] * 3
    assert [one.bottom for one in found] == pytest.approx(BOTTOMS, abs=NEAR)


def test_a_squat_whose_bottom_nobody_saw_is_partial() -> None:
    found = find(LONG, without(three_squats(), 6.0, 7.5), 1.0)
    assert [one.partial for one in found] == [False, True, False]
    assert found[1].bottom is None


def whole(landmarks: np.ndarray, aspect: float, every: int = 3) -> list[float]:
    """The bottoms, where none is partial."""
    found = find(times_of(landmarks)[::every], landmarks[::every], aspect)
    return [] if any(one.partial for one in found) else [one.bottom or 0.0 for one in found]


@pytest.mark.parametrize("movement", OTHERS, ids=lambda movement: movement.__name__)
def test_no_squat_is_in_what_else_people_do_from_any_side(movement) -> None:
    """Of one in ten a camera shows too little, as of a lunge from before."""
    counted = 0
    for number in range(10):
        rng = np.random.default_rng([1, number])
        landmarks, aspect = filmed(rng, movement(rng))
        found = find(times_of(landmarks)[::3], landmarks[::3], aspect)
        counted += any(not one.partial for one in found)
    assert counted <= 2


@pytest.mark.parametrize("up_again", [True, False])
def test_who_sits_on_a_chair_has_begun_no_squat(up_again: bool) -> None:
    for number in range(4):
        rng = np.random.default_rng([2, number])
        landmarks, aspect = filmed(rng, sitting_down(rng, up_again))
        assert find(times_of(landmarks)[::3], landmarks[::3], aspect) == []


@pytest.mark.parametrize("every", [1, 3, 6])  # 30, 10, 5 poses a second
@pytest.mark.parametrize(
    "how",
    [
        pytest.param({}, id="usual"),
        pytest.param({"seconds": 1.1}, id="fast"),
        pytest.param({"seconds": 6.0}, id="slow"),
        pytest.param({"hold": 1.2}, id="flat bottoms"),
        pytest.param({"straight": 0.93}, id="never quite straight"),
        pytest.param({"depth": 0.18}, id="shallow"),
        pytest.param({"arms": "bar", "stance": 0.4}, id="wide, with a bar"),
    ],
)
def test_squats_are_counted_whichever_leg_is_called_left(how, every: int) -> None:
    for number in range(4):
        rng = np.random.default_rng([3, number])
        landmarks, aspect = filmed(rng, squats(rng, **how))
        assert len(whole(landmarks, aspect, every)) == 3
        for _ in range(3):
            begin = int(rng.integers(len(landmarks)))
            some = slice(begin, begin + int(rng.integers(3, 25)))
            landmarks[some] = landmarks[some][:, OTHER]
        assert len(whole(landmarks, aspect, every)) == 3


@pytest.mark.parametrize(("first", "second"), [(0.8, 0.8), (0.8, 0.35), (0.35, 0.8)])
def test_a_hard_cut_to_another_camera_loses_no_squat(first: float, second: float) -> None:
    for number in range(4):
        rng = np.random.default_rng([4, number])
        scenes = []
        for fill in (first, second):
            landmarks, aspect = filmed(rng, squats(rng, times=2), View(fill=(fill, fill), yaw=(-90, 90)))
            landmarks[..., 0] = 0.5 + (landmarks[..., 0] - 0.5) * aspect  # into a square picture
            scenes.append(landmarks)
        for leaves, comes in ((0, 0), (35, 35)):  # at once from squat to squat, too
            cut = np.concatenate([scenes[0][: len(scenes[0]) - leaves], scenes[1][comes:]])
            assert len(whole(cut, 1.0)) == 4


def test_squats_do_not_reach_into_each_other() -> None:
    """Who rises by half, and goes down again."""
    low = 0.4 - 0.2 * np.max([np.clip(1 - np.abs(LONG - b) / 1.2, 0, 1) for b in (5.0, 7.2, 9.4)], axis=0)
    low[(LONG > 5) & (LONG < 9.4)] = np.minimum(low[(LONG > 5) & (LONG < 9.4)], 0.32)
    found = find(LONG, figure(low, 40 * (0.4 - low) / 0.2), 1.0)
    assert len(found) > 1
    for one, two in pairwise(found):
        assert one.end is not None and two.start is not None and one.end <= two.start


def test_who_rises_fast_towards_the_camera_is_in_the_same_scene_and_a_zoom_is_another() -> None:
    """From one pose to the next, a tenth of a second: a thigh that was seen end on, or all of the body."""

    def standing(thigh: float, times: float = 1.0) -> np.ndarray:
        found = np.zeros((33, 4), np.float32)
        heights = {"shoulder": 0.35 + thigh, "hip": 0.15 + thigh, "knee": 0.15, "ankle": 0.0}
        for name, height in heights.items():
            for side, x in (("left", 0.55), ("right", 0.45)):
                found[INDEX[f"{side}_{name}"], :2] = x, 0.9 - height * times
        return found

    def cuts(after: np.ndarray) -> int:
        landmarks = np.stack([*[standing(0.04)] * 5, *[after] * 5])
        return int(_scene_changes(np.arange(10) / 10, landmarks, 1.0).sum())

    assert cuts(standing(0.18)) == 0
    assert cuts(standing(0.04, times=1.4)) == 1
