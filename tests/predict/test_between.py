"""Between two poses the body is on the way from one to the other, and its legs do not cross."""

import numpy as np
import pytest

from deepsquat.landmarks import INDEX
from deepsquat.predict.between import HOLD, WIDEST, Between
from deepsquat.predict.poses import Poses
from deepsquat.sides import steady


def poses(times: list[float], landmarks: np.ndarray) -> Poses:
    n = len(times)
    return Poses(
        np.arange(n, dtype=np.int32),
        np.array(times),
        landmarks.astype(np.float32),
        np.full(n, ""),
        np.ones(n, np.float32),
        np.ones(n, np.int32),
        np.ones(n, np.int32),
    )


def moving(n: int) -> np.ndarray:
    """(n, 33, 4): every landmark at a place of its own, all going to the right by a tenth at a time."""
    one = np.random.default_rng(0).random((33, 4))
    return np.stack([one + np.array([0.1 * k, 0, 0, 0]) for k in range(n)])


def exchanged(pose: np.ndarray) -> np.ndarray:
    found = pose.copy()
    for name, i in INDEX.items():
        if name.startswith("left_"):
            other = INDEX["right_" + name.removeprefix("left_")]
            found[[i, other]] = pose[[other, i]]
    return found


def test_a_body_between_two_poses_is_on_the_straight_way() -> None:
    body = Between(poses([0.0, 0.1, 0.2], moving(3)))
    assert body.at(0.125) == pytest.approx(moving(1)[0] + (0.125, 0, 0, 0), abs=1e-6)
    assert body.at(0.1) == pytest.approx(moving(2)[1], abs=1e-6)


def test_where_no_pose_is_near_there_is_no_body() -> None:
    landmarks = moving(4)
    landmarks[2] = np.nan
    body = Between(poses([0.0, 0.1, 0.2, 0.1 + WIDEST + 0.1], landmarks))
    assert body.at(0.1 + HOLD - 0.01) == pytest.approx(landmarks[1], abs=1e-6)
    assert body.at(0.1 + HOLD + 0.02) is None
    assert body.at(10.0) is None
    assert Between(poses([], np.zeros((0, 33, 4)))).at(0.0) is None


def test_left_and_right_that_were_exchanged_for_a_while_are_put_back() -> None:
    right = moving(5)
    seen = right.copy()
    seen[2], seen[3] = exchanged(seen[2]), exchanged(seen[3])
    assert not np.allclose(seen, right)
    assert steady(np.arange(5) / 10, seen, 1.0)[:, list(range(11, 33))] == pytest.approx(
        right[:, list(range(11, 33))]
    )


def test_who_comes_back_after_a_while_may_have_turned_round() -> None:
    seen = moving(2)
    seen[1] = exchanged(seen[1])
    assert steady(np.array([0.0, 5.0]), seen, 1.0) == pytest.approx(seen)
