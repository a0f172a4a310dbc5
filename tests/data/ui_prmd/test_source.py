"""The UI-PRMD reader on made-up files: what becomes of markers in a squat's landmarks."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deepsquat.data.squats import Drops, FrameChoice
from deepsquat.data.ui_prmd.markers import MARKERS
from deepsquat.data.ui_prmd.source import UiPrmd
from deepsquat.errors import UserError
from deepsquat.landmarks import INDEX
from recordings import BOTTOM, only, squatting_markers, table_of


def at_bottom(source: UiPrmd) -> dict[str, np.ndarray]:
    """Landmarks by name, (4,) each, of the first squat's deepest frame."""
    table = table_of(source)
    row = table.landmarks[np.flatnonzero(table.offset == 0)[0]]
    return {name: row[i] for name, i in INDEX.items()}


def test_squats_are_grouped_by_the_recording_they_were_cut_from(folder: Path) -> None:
    table, drops = UiPrmd(str(folder)).landmark_table_and_drops()
    assert drops == Drops({}, {})
    assert table.squat[::11].tolist() == [
        "m01_s01#1",
        "m01_s01#10",
        "m01_s01_inc#1",
        "m01_s07#2",
        "m01_s10_inc#3",
    ]
    assert table.video[::11].tolist() == ["m01_s01", "m01_s01", "m01_s01_inc", "m01_s07", "m01_s10_inc"]
    assert table.subject[::11].tolist() == ["s01", "s01", "s01", "s07", "s10"]
    assert table.label[::11].tolist() == [1, 1, 0, 1, 0]
    assert set(table.faults) == {""}
    assert table.landmarks.shape == (55, 33, 4)
    assert table.landmarks.dtype == np.float32
    assert np.allclose(table.aspect, 9 / 16)


def test_a_zip_and_every_level_of_the_folder_give_the_same_table(folder: Path, archive: Path) -> None:
    expected = table_of(UiPrmd(str(folder)))
    for root in (
        archive,
        folder.parent,
        folder / "Segmented Movements",
        folder / "Segmented Movements/Vicon",
    ):
        table = table_of(UiPrmd(str(root)))
        assert np.array_equal(table.squat, expected.squat), root
        assert np.array_equal(table.landmarks, expected.landmarks), root


def test_frames_stand_a_thirtieth_apart_around_the_deepest(folder: Path) -> None:
    table = table_of(UiPrmd(str(folder)))
    assert np.allclose(table.offset[:11], np.arange(-5, 6) / 30)
    assert np.allclose(table.time[:11], BOTTOM / 100 + np.arange(-5, 6) / 30)
    assert table.frame[:11].tolist() == [53, 57, 60, 63, 67, 70, 73, 77, 80, 83, 87]
    hips = table.landmarks[:11, INDEX["left_hip"], 1]
    assert hips.argmax() == 5  # y grows downwards
    assert (np.diff(hips[:6]) > 0).all() and (np.diff(hips[5:]) < 0).all()


def test_frames_between_two_samples_are_interpolated(tmp_path: Path) -> None:
    markers = squatting_markers()
    markers[BOTTOM + 3 :, :, 1] += 100  # a jump to the left between the samples before and after 1/30 s
    markers[BOTTOM + 4 :, :, 1] += 30
    x = table_of(only(tmp_path, markers)).landmarks[:11, INDEX["nose"], 0]
    jump, rest = x[6] - x[5], x[7] - x[6]
    assert jump / (jump + rest) == pytest.approx(110 / 130, abs=0.01)


def test_the_body_is_upright_and_its_left_is_on_the_right_of_a_picture_from_the_front(folder: Path) -> None:
    points = at_bottom(UiPrmd(str(folder), yaw=0))
    for part in ("eye", "ear", "shoulder", "elbow", "wrist", "index", "hip", "knee", "ankle", "foot_index"):
        assert points[f"left_{part}"][0] > 0.5 > points[f"right_{part}"][0], part
    assert points["mouth_left"][0] > points["mouth_right"][0]
    order = [
        "left_index",
        "left_wrist",
        "left_elbow",
        "left_eye",
        "nose",
        "mouth_left",
        "left_shoulder",
        "left_hip",
    ]
    heights = [points[name][1] for name in [*order, "left_ankle", "left_heel"]]
    assert heights == sorted(heights)
    assert all(0 < value < 1 for point in points.values() for value in point[:2])
    assert {float(point[3]) for point in points.values()} == {1.0}
    # The thumbs of raised hands with the palms ahead point inwards.
    assert points["left_thumb"][0] < points["left_index"][0] < points["left_pinky"][0]


def test_depth_is_counted_from_the_hips_in_picture_widths(folder: Path) -> None:
    points = at_bottom(UiPrmd(str(folder), yaw=0, height=1.15, distance=40))
    assert points["left_hip"][2] + points["right_hip"][2] == pytest.approx(0, abs=1e-6)
    assert points["nose"][2] < points["left_shoulder"][2] < 0  # they are nearer to the camera
    # From far away depth and width have one scale: the shoulder stands 300 mm before the pelvis' middle, the
    # hip's centre a little behind that middle, and the shoulders are 340 mm apart.
    across = points["left_shoulder"][0] - points["right_shoulder"][0]
    assert -points["left_shoulder"][2] / across == pytest.approx(300 / 340, abs=0.12)


def test_joint_centres_lie_inside_the_markers(folder: Path) -> None:
    points = at_bottom(UiPrmd(str(folder), yaw=0, height=1.15, distance=40))
    metre = (points["left_shoulder"][0] - points["right_shoulder"][0]) / 0.340

    def apart(part: str) -> float:
        return (points[f"left_{part}"][0] - points[f"right_{part}"][0]) / metre

    assert apart("ankle") == pytest.approx(0.400 - 2 * 0.042, abs=0.005)
    assert apart("knee") == pytest.approx(0.420 - 2 * 0.057, abs=0.01)
    assert apart("hip") == pytest.approx(2 * (0.33 * 0.240 + 0.0073), abs=0.005)


def test_a_positive_yaw_goes_to_the_left_of_the_subject(folder: Path) -> None:
    left = at_bottom(UiPrmd(str(folder), yaw=90))
    assert left["left_shoulder"][2] < left["right_shoulder"][2]  # the left side is nearer
    assert left["left_foot_index"][0] < left["left_heel"][0]  # and the toes point to the left of the picture
    right = at_bottom(UiPrmd(str(folder), yaw=-90))
    assert right["right_shoulder"][2] < right["left_shoulder"][2]
    assert right["left_foot_index"][0] > right["left_heel"][0]
    back = at_bottom(UiPrmd(str(folder), yaw=180))
    assert back["left_shoulder"][0] < back["right_shoulder"][0]
    oblique = at_bottom(UiPrmd(str(folder), yaw=30))
    assert oblique["left_shoulder"][0] > oblique["right_shoulder"][0]
    assert oblique["left_shoulder"][2] < oblique["right_shoulder"][2]


def test_a_marker_lost_for_a_moment_is_interpolated(tmp_path: Path) -> None:
    markers = squatting_markers()
    expected = table_of(only(tmp_path / "whole", markers)).landmarks
    for name in ("LASI", "RKNE", "LFHD"):
        markers[BOTTOM - 3 : BOTTOM + 3, MARKERS.index(name)] = 0
    table, drops = only(tmp_path / "gaps", markers).landmark_table_and_drops()
    assert drops == Drops({}, {})
    assert np.abs(table.landmarks - expected).max() < 0.01


def test_a_frame_is_dropped_where_a_marker_stays_lost(tmp_path: Path) -> None:
    markers = squatting_markers()
    markers[BOTTOM + 10 :, MARKERS.index("LKNE")] = 0  # up to the end of the recording
    markers[:, MARKERS.index("STRN")] = 0  # no landmark needs it
    table, drops = only(tmp_path, markers).landmark_table_and_drops()
    assert drops == Drops({"m01_s01#1: a marker is lost": 3}, {})
    assert np.allclose(table.offset, np.arange(-5, 3) / 30)
    assert np.isfinite(table.landmarks).all()


def test_a_lost_pelvis_marker_is_not_taken_for_the_deepest_position(tmp_path: Path) -> None:
    markers = squatting_markers()
    markers[:20, MARKERS.index("RPSI")] = 0  # at the start there is nothing to interpolate from
    assert table_of(only(tmp_path, markers)).time[5] == pytest.approx(BOTTOM / 100)


def test_a_recording_that_ends_too_early_has_fewer_frames(tmp_path: Path) -> None:
    table, drops = only(tmp_path, squatting_markers()[: BOTTOM + 1]).landmark_table_and_drops()
    assert drops == Drops({"m01_s01#1: not recorded": 5}, {})
    assert np.allclose(table.offset, np.arange(-5, 1) / 30)


def test_markers_lost_everywhere_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="the first, m01_s01#1: no frame of it has all markers"):
        table_of(only(tmp_path, np.zeros((30, 39, 3))))


def test_inputs_name_every_file_and_option(folder: Path, archive: Path) -> None:
    inputs = UiPrmd(str(archive)).inputs()
    assert inputs == UiPrmd(str(folder)).inputs()
    assert len([name for name in inputs if name.endswith(".txt")]) == 5
    for changed in (UiPrmd(str(archive), yaw=0), UiPrmd(str(archive), frames=FrameChoice(each_side=4))):
        assert changed.inputs() != inputs
    for name in ("yaw", "height", "distance", "frames.each_side", "frames.step"):
        assert name in inputs


def test_a_changed_file_changes_the_inputs(tmp_path: Path) -> None:
    markers = squatting_markers()
    before = only(tmp_path, markers).inputs()
    markers[0, 0, 0] += 1
    assert only(tmp_path, markers).inputs() != before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"yaw": 200}, r"data\.yaw must be a number from -180 to 180, got 200"),
        ({"yaw": "left"}, r"data\.yaw must be a number from -180 to 180, got left"),
        ({"height": -1}, r"data\.height must be a number from 0\.1 to 3, got -1"),
        ({"distance": math.nan}, r"data\.distance must be a number from 1\.5 to 50, got nan"),
        ({"noise": 11}, r"data\.noise must be a number from 0 to 10, got 11"),
    ],
)
def test_options_out_of_range(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        UiPrmd(**options)


def test_what_a_coach_measures_is_known_and_does_not_depend_on_the_camera(folder: Path) -> None:
    front, side = (table_of(UiPrmd(str(folder), yaw=yaw)) for yaw in (0, 90))
    assert np.isfinite(front.measures).all() and np.array_equal(front.measures[:, :-1], side.measures[:, :-1])
    assert (front.measures[:, -1] == 0).all() and (side.measures[:, -1] == 90).all()
    row = np.flatnonzero(front.offset == 0)[0]
    depth, _, width, _, _, shift, tilt, _ = front.measures[row]
    standing = front.measures[row - 5, 0]
    assert depth < standing  # the hips are lower at the bottom
    assert width > 0 and abs(shift) < 0.1 and abs(tilt) < 10  # about even, as it was made


def test_several_cameras_see_each_squat_as_one_of_its_own_of_the_same_video(folder: Path) -> None:
    both = table_of(UiPrmd(str(folder), yaw=[0, 90]))
    for yaw in (0, 90):
        alone = table_of(UiPrmd(str(folder), yaw=yaw))
        rows = np.array([name.endswith(f"@{yaw}") for name in both.squat])
        np.testing.assert_array_equal(both.landmarks[rows], alone.landmarks)
        np.testing.assert_array_equal(both.video[rows], alone.video)
        assert both.squat[rows].tolist() == [f"{name}@{yaw}" for name in alone.squat]
    for wrong in ([], [0, 0], [0, "front"], [200]):
        with pytest.raises(UserError, match=r"data\.yaw must be"):
            UiPrmd(str(folder), yaw=wrong)


def test_an_estimators_errors_are_by_chance_but_always_the_same(folder: Path) -> None:
    true, noisy, again = (table_of(UiPrmd(str(folder), yaw=[0, 90], noise=x)) for x in (0, 1, 1))
    np.testing.assert_array_equal(noisy.landmarks, again.landmarks)
    np.testing.assert_array_equal(noisy.measures, true.measures)
    off = np.abs(noisy.landmarks - true.landmarks)[..., :2]
    assert 0.001 < off.mean() < 0.05
    apart = [
        np.abs(off[[str(s).endswith(end) for s in true.squat]]).mean(axis=(0, 2)) for end in ("@0", "@90")
    ]
    assert not np.allclose(*apart, rtol=0.2)  # others for another camera
