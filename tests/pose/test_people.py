"""Whom to follow, and what cannot be a body's movement, on made series of landmarks."""

import numpy as np
import pytest

from deepsquat.landmarks import INDEX
from deepsquat.pose import plausible
from deepsquat.pose.people import Chosen, apart, distinct, size, squatting
from deepsquat.pose.plausible import implausible

ASPECT = 1.5


def body(depth: float = 0.0, x: float = 0.5, tall: float = 0.6, floor: float = 0.9) -> np.ndarray:
    """(33, 4) someone seen from the front, `tall` of the picture's height; depth 1: hips at the knees."""
    pose = np.full((33, 4), 0.0, np.float32)
    hips = 0.52 - 0.24 * depth
    heights = {"shoulder": hips + 0.3, "hip": hips, "knee": 0.26 + 0.02 * depth, "ankle": 0.03}
    pose[:, 0], pose[:, 1], pose[:, 3] = x, floor - tall * (hips + 0.4), 0.9
    for side, off in (("left", 0.06), ("right", -0.06)):
        for joint, height in heights.items():
            pose[INDEX[f"{side}_{joint}"], :2] = x + off * tall / ASPECT, floor - tall * height
    return pose


DEPTHS = (0.0, 0.5, 1.0, 0.5, 0.0)


def _is(found: np.ndarray | None, pose: np.ndarray) -> bool:
    return found is not None and bool((found == pose).all())


@pytest.mark.parametrize("tall", [0.48, 0.6, 0.66])
@pytest.mark.parametrize("swapped", [False, True])
def test_the_one_who_squats_is_followed_and_not_a_still_bystander(tall: float, swapped: bool) -> None:
    lifter = [body(depth, x=0.35) for depth in DEPTHS]
    looks = [[pose, body(0.0, x=0.65, tall=tall)] for pose in lifter]
    if swapped:
        looks = [look[::-1] for look in looks]
    chosen = squatting(looks, ASPECT)
    assert (chosen.persons, chosen.lifters) == (2, 1)
    assert all(_is(found, pose) for found, pose in zip(chosen.poses, lifter, strict=True))


def test_two_of_about_one_size_who_squat_are_two_lifters() -> None:
    looks = [
        [body(depth, x=0.3), body(other, x=0.7, tall=0.5)]
        for depth, other in zip(DEPTHS, DEPTHS[::-1], strict=True)
    ]
    assert squatting(looks, ASPECT).lifters == 2


def test_one_who_is_lost_and_found_elsewhere_is_one_lifter() -> None:
    looks = [[body(depth, x=0.2)] for depth in DEPTHS] + [[]] * 4 + [[body(depth, x=0.9)] for depth in DEPTHS]
    chosen = squatting(looks, ASPECT)
    assert (chosen.persons, chosen.lifters) == (1, 1)


def test_one_who_walks_away_gets_smaller_and_does_not_squat() -> None:
    lifter = [body(depth, x=0.3) for depth in DEPTHS]
    walker = [body(0.0, x=0.7, tall=tall) for tall in (0.55, 0.5, 0.42, 0.34, 0.28)]
    chosen = squatting([list(look) for look in zip(lifter, walker, strict=True)], ASPECT)
    assert (chosen.persons, chosen.lifters) == (2, 1)
    assert all(_is(found, pose) for found, pose in zip(chosen.poses, lifter, strict=True))


def test_a_mirror_behind_moves_alike_but_is_smaller() -> None:
    lifter = [body(depth, x=0.45) for depth in DEPTHS]
    chosen = squatting(
        [
            [body(depth, x=0.7, tall=0.35, floor=0.7), pose]
            for depth, pose in zip(DEPTHS, lifter, strict=True)
        ],
        ASPECT,
    )
    assert (chosen.persons, chosen.lifters) == (2, 1)
    assert all(_is(found, pose) for found, pose in zip(chosen.poses, lifter, strict=True))


def test_someone_who_walks_past_or_is_seen_once_is_not_taken() -> None:
    lifter = [body(depth) for depth in DEPTHS]
    walker = [body(0.0, x=x, tall=0.7) for x in (0.05, 0.2, 0.75, 0.9)]
    looks = [[pose, past] for pose, past in zip(lifter, walker, strict=False)] + [[lifter[-1]]]
    right = squatting(looks, ASPECT).poses
    assert all(_is(found, pose) for found, pose in zip(right, lifter, strict=True))
    once = [[lifter[0]], [lifter[1], walker[0]], *([pose] for pose in lifter[2:])]
    assert squatting(once, ASPECT).persons == 1


def test_who_is_not_seen_at_a_look_is_nobody_there() -> None:
    assert squatting([[], []], ASPECT) == Chosen([None, None], 0, 0)
    chosen = squatting([[body()], [], [body(1.0)]], ASPECT)
    assert [pose is None for pose in chosen.poses] == [False, True, False] and chosen.persons == 1


def test_a_body_is_found_once_and_upright() -> None:
    fallen, twice = body(), body(0.1)
    fallen[:, 1] = 1 - fallen[:, 1]
    twice[:, 3] = 0.5
    found = distinct([fallen, twice, body(), body(x=0.8)], ASPECT)
    assert len(found) == 2 and any(_is(pose, body()) for pose in found)
    assert distinct([fallen], ASPECT) == []
    assert apart(body(), body(x=0.8), ASPECT) > 0.35
    assert size(body(1.0), ASPECT) > 0.5 * size(body(), ASPECT)


def _squat() -> np.ndarray:
    """(31, 33, 4): down and up again in a second."""
    return np.stack([body(float(np.sin(np.pi * i / 30) ** 2)) for i in range(31)])


def test_a_squat_is_plausible_at_30_and_at_10_poses_a_second() -> None:
    assert set(implausible(_squat(), ASPECT)) == {""}
    assert set(implausible(_squat()[::3], ASPECT)) == {""}
    assert implausible(_squat()[:2], ASPECT).tolist() == ["", ""]
    assert implausible(_squat()[:0], ASPECT).shape == (0,)


@pytest.mark.parametrize("row", [0, 7, 15, 30])
def test_what_cannot_be_is_named(row: int) -> None:
    elsewhere, tangled, thrown, upside_down, nobody = (_squat() for _ in range(5))
    elsewhere[row, :, 0] += 0.3
    for side in ("left", "right"):  # the shins on a bench behind
        tangled[row, INDEX[f"{side}_ankle"], :2] = tangled[row, INDEX[f"{side}_knee"], :2]
    thrown[row, INDEX["left_ankle"], 0] += 0.3
    thrown[row, INDEX["left_knee"], 3] = 0.2
    upside_down[row, :, 1] = 1 - upside_down[row, :, 1]
    nobody[row] = np.nan
    for series, why in (
        (elsewhere, plausible.LEAP),
        (tangled, plausible.LIMB),
        (thrown, plausible.OUTSIDE),
        (upside_down, plausible.LYING),
        (nobody, plausible.NOBODY),
    ):
        found = implausible(series, ASPECT)
        assert found[row] == why
        assert (found != "").sum() == 1


def test_a_hidden_joint_may_be_anywhere_near() -> None:
    series = _squat()
    series[10, INDEX["left_ankle"], 1] -= 0.12
    series[10, INDEX["left_ankle"], 3] = 0.1
    assert set(implausible(series, ASPECT)) == {""}
