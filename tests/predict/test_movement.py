"""Angles and tempo of movements that are known."""

from dataclasses import replace

import numpy as np
import pytest

from deepsquat.landmarks import INDEX
from deepsquat.predict.movement import angles, at_bottom, tempo
from deepsquat.predict.poses import Poses


def test_angles_are_those_in_the_picture_whatever_its_shape(lifted: Poses) -> None:
    landmarks = np.full_like(lifted.landmarks, 0.5)
    aspect = 0.5
    for side in ("left", "right"):
        for joint, x, y in (("hip", 0.3, 0.5), ("knee", 0.5, 0.5), ("ankle", 0.5, 0.7)):
            landmarks[:, INDEX[f"{side}_{joint}"], :2] = x / aspect, y
    landmarks[:, INDEX["right_hip"], :2] = 0.5 / aspect, 0.3  # straight
    landmarks[3] = np.nan
    poses = replace(lifted, landmarks=landmarks, aspect=np.full_like(lifted.aspect, aspect))
    found = angles(poses)
    assert np.isnan(found["left_knee"][3])
    assert np.delete(found["left_knee"], 3) == pytest.approx(90, abs=1e-3)
    assert np.delete(found["right_knee"], 3) == pytest.approx(180, abs=0.1)
    assert at_bottom(poses, found, float(poses.time[3]))["left_knee"] == pytest.approx(90, abs=0.1)
    assert at_bottom(poses, found, 1e6) == {}


def test_the_tempo_is_that_of_the_hips() -> None:
    times = np.arange(0, 10, 0.05)
    # One second down from 2 s on, two seconds of rest, half a second up.
    heights = np.interp(times, [0, 2, 3, 5, 5.5, 10], [1, 1, 0.5, 0.5, 1, 1])
    found = tempo(2.0, 4.0, 5.5, [(times, heights)])
    assert found == pytest.approx({"down": 0.95, "pause": 2.05, "up": 0.5}, abs=0.06)
    assert sum(found.values()) == pytest.approx(3.5, abs=0.02)
    assert tempo(12.0, 13.0, 14.0, [(times, heights)]) == {}


def test_a_squat_cut_off_by_the_piece_that_is_known_keeps_to_it() -> None:
    times = np.arange(0, 3, 0.05)
    found = tempo(0.0, 2.9, 3.5, [(times, np.linspace(1, 0.5, len(times)))])
    assert all(seconds >= 0 for seconds in found.values())
