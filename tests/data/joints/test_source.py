"""Made-up joints as a source of squats."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from deepsquat.data.joints.source import MadeUpJoints
from deepsquat.data.joints.view import View
from deepsquat.data.squats import FrameChoice
from deepsquat.errors import UserError
from deepsquat.landmarks import INDEX, LandmarkTable
from deepsquat.measures import Measures, faulty
from deepsquat.pose.mediapipe import MediaPipePose
from deepsquat.pose.table import prepare

SMALL = MadeUpJoints(people=12, each=4, frames=FrameChoice(1, 0.05))


@pytest.fixture(scope="module")
def table() -> LandmarkTable:
    return SMALL.landmark_table_and_drops()[0]


def test_each_person_squats_well_and_badly_in_every_frame_that_is_asked_for(table: LandmarkTable) -> None:
    assert len(table) == 12 * 4 * 3
    assert table.label.mean() == 0.5
    assert (np.array([bool(faults) for faults in table.faults]) == (table.label == 0)).all()
    assert np.isfinite(table.landmarks).all()
    np.testing.assert_allclose(np.unique(table.offset.round(6)), [-0.05, 0, 0.05])


def test_the_same_seed_gives_the_same_squats_and_more_people_do_not_change_the_first(
    table: LandmarkTable,
) -> None:
    fewer = replace(SMALL, people=3).landmark_table_and_drops()[0]
    np.testing.assert_array_equal(fewer.landmarks, table.landmarks[: len(fewer)])
    other = replace(SMALL, people=3, seed=1).landmark_table_and_drops()[0]
    assert not np.array_equal(other.landmarks, fewer.landmarks)
    assert SMALL.inputs() != replace(SMALL, noise=0.5).inputs()


def test_an_epoch_has_people_of_its_own_and_always_the_same(table: LandmarkTable) -> None:
    first, again, second = (SMALL.anew(6, epoch) for epoch in (1, 1, 2))
    assert len(np.unique(first.squat)) == 6 and len(first) == 6 * 3
    np.testing.assert_array_equal(first.landmarks, again.landmarks)
    for other in (second.landmarks, table.landmarks[: len(first)]):
        assert not np.isclose(first.landmarks, other).all(axis=(1, 2)).any()
    assert SMALL.inputs() == replace(SMALL, fresh=True).inputs()  # the kept table is the same


def test_the_measures_are_those_of_the_joints_whatever_the_camera_and_its_errors(
    table: LandmarkTable,
) -> None:
    """Their rule gives the label, at the bottom."""
    bottom = table.rows(table.offset == 0)
    there = faulty(Measures(*bottom.measures.astype(float).T), SMALL.limits)
    np.testing.assert_array_equal(there.any(axis=1), bottom.label == 0)


def test_what_is_kept_holds_the_measures_too(tmp_path: Path) -> None:
    few = replace(SMALL, people=2)
    made, found = (prepare(few, MediaPipePose(), tmp_path).table for _ in range(2))
    np.testing.assert_array_equal(found.measures, made.measures)
    assert found.measures.shape == (24, 8) and found.measures.dtype == np.float32
    np.testing.assert_array_equal(found.landmarks, made.landmarks)


def test_the_body_lies_in_the_picture_at_the_size_that_was_asked_for(table: LandmarkTable) -> None:
    view = View(fill=(0.5, 0.6), roll=0.0)
    true = replace(SMALL, noise=0.0, view=view).landmark_table_and_drops()[0]
    xy = true.landmarks[..., :2]
    assert xy.min() > -0.1 and xy.max() < 1.1
    size = np.ptp(xy * np.stack([true.aspect, np.ones(len(true))], 1)[:, None], axis=1).max(axis=1)
    assert (size < 0.75).all()


def test_a_camera_in_front_sees_the_left_hand_on_the_right(table: LandmarkTable) -> None:
    for yaw, sign in ((0.0, 1), (180.0, -1)):
        view = View(yaw=(yaw, yaw), roll=0.0)
        seen = replace(SMALL, noise=0.0, view=view).landmark_table_and_drops()[0].landmarks
        across = seen[:, INDEX["left_shoulder"], 0] - seen[:, INDEX["right_shoulder"], 0]
        assert (sign * across > 0).all()


def test_noise_moves_joints_about_as_far_as_an_estimator_does() -> None:
    true, noisy = (replace(SMALL, noise=noise).landmark_table_and_drops()[0] for noise in (0.0, 1.0))
    height = np.ptp(true.landmarks[..., 1], axis=1, keepdims=True)
    moved = np.abs(noisy.landmarks[..., 1] - true.landmarks[..., 1]) / height
    assert 0.004 < np.median(moved) < 0.02


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"people": 0}, r"data\.people"),
        ({"noise": -1.0}, r"data\.noise"),
        ({"seed": -1}, r"data\.seed"),
    ],
)
def test_values_out_of_range_are_named(changes: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        replace(SMALL, **changes)


def test_views_out_of_range_are_named() -> None:
    with pytest.raises(UserError, match=r"data\.view\.yaw"):
        View(yaw=(30.0, 20.0))
