import ctypes
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from deepsquat.data.squats import FrameChoice, LabelledVideos
from deepsquat.errors import UserError
from deepsquat.landmarks import INDEX
from deepsquat.pose.inputs import video_inputs
from deepsquat.pose.landmarkers import Landmarkers
from deepsquat.pose.mediapipe import MediaPipePose
from deepsquat.pose.model_bundle import pose_bundle
from films import read_frames


@pytest.fixture(scope="module")
def estimator(bundle_folder: Path) -> Iterator[Landmarkers]:
    with Landmarkers(pose_bundle(bundle_folder / "models", None)) as estimator:
        yield estimator


@pytest.fixture(scope="module")
def pictures(corpus: LabelledVideos) -> list[np.ndarray]:
    """Three frames of one video, at the bottom of a squat each."""
    video = corpus.squats[0].video
    times = [squat.bottom for squat in corpus.squats if squat.video == video][:3]
    return [image for _, _, image in read_frames(corpus.root / video, times)]


def _standing() -> np.ndarray:
    """Landmarks (33, 4) well inside the picture and visible, the shoulders above the ankles."""
    pose = np.full((33, 4), 0.5, np.float32)
    pose[:, 3] = 1
    for side in ("left", "right"):
        for joint, height in (("shoulder", 0.3), ("hip", 0.5), ("knee", 0.7), ("ankle", 0.9)):
            pose[INDEX[f"{side}_{joint}"], 1] = height
    return pose


def test_a_library_of_the_system_that_is_missing_is_not_taken_for_a_bad_bundle(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from mediapipe.tasks.python import vision

    def load(options: object) -> None:
        ctypes.CDLL("libnothing.so.1")

    monkeypatch.setattr(vision.PoseLandmarker, "create_from_options", load)
    with pytest.raises(UserError, match=r"cannot be loaded \(libnothing\.so\.1: .*`python src/check\.py`"):
        Landmarkers(tmp_path / "pose.task")
    # What `import mediapipe` raises where OpenCV cannot be loaded is an ImportError.
    monkeypatch.setitem(sys.modules, "mediapipe.tasks.python", None)
    with pytest.raises(UserError, match=r"MediaPipe cannot be loaded .*`python src/check\.py`"):
        Landmarkers(tmp_path / "pose.task")


def test_bad_options_are_named_as_they_are_typed() -> None:
    for options in ({"min_visibility": 1.5}, {"min_visibility": -0.1}, {"min_frames": 0}, {"workers": 0}):
        (name, value), *_ = options.items()
        with pytest.raises(UserError, match=rf"^pose\.{name} must be .*got {value}$"):
            MediaPipePose(**options)


def test_a_body_is_whole_while_one_side_of_each_joint_is_seen() -> None:
    hidden_side, hidden_joint, outside, above, nobody = (_standing() for _ in range(5))
    for joint in ("shoulder", "hip", "knee", "ankle"):
        hidden_side[INDEX[f"left_{joint}"], 3] = 0.1
    hidden_joint[[INDEX["left_knee"], INDEX["right_knee"]], 3] = 0.1
    outside[[INDEX["left_ankle"], INDEX["right_ankle"]], 1] = 1.02
    above[[INDEX["left_shoulder"], INDEX["right_shoulder"]], 0] = -0.01
    nobody[:] = np.nan
    landmarks = np.stack([_standing(), hidden_side, hidden_joint, outside, above, nobody])
    assert MediaPipePose(min_visibility=0.2).whole(landmarks).tolist() == [
        True,
        True,
        False,
        False,
        False,
        False,
    ]
    assert MediaPipePose(min_visibility=0.05).whole(landmarks)[2]
    assert MediaPipePose().whole(landmarks[:0]).shape == (0,)


def test_a_frame_gives_the_same_landmarks_in_any_order_and_memory_layout(
    estimator: Landmarkers, pictures: list[np.ndarray]
) -> None:
    forth = [estimator.find(picture)[0] for picture in pictures]
    assert all(pose.shape == (33, 4) and pose.dtype == np.float32 for pose in forth)
    back = [estimator.find(picture)[0] for picture in reversed(pictures)][::-1]
    np.testing.assert_array_equal(np.array(forth), np.array(back))
    height, width, _ = pictures[0].shape
    padded = np.zeros((height, width + 20, 3), np.uint8)
    padded[:, :width] = pictures[0]
    np.testing.assert_array_equal(estimator.find(padded[:, :width])[0], forth[0])


def test_nobody_is_found_in_an_empty_room(estimator: Landmarkers) -> None:
    assert estimator.find(np.full((240, 136, 3), 128, np.uint8)) == []


def test_a_bundle_in_a_home_folder_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "mine.task").write_text("no zip\n")
    nothing = LabelledVideos(tmp_path, (), FrameChoice())
    with pytest.raises(UserError, match=f"^pose.bundle={tmp_path}/mine.task: not a readable bundle"):
        video_inputs(nothing, MediaPipePose(bundle="~/mine.task"), tmp_path)
