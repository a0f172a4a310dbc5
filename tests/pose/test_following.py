"""Following on real MediaPipe: drawn squatters with bystanders, and trackers that go wrong."""

from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from deepsquat.data.squats import LabelledVideos, Squat
from deepsquat.errors import UserError
from deepsquat.landmarks import BODY
from deepsquat.pose.following import Track, follow
from deepsquat.pose.landmarkers import Landmarkers, Tracker
from deepsquat.pose.model_bundle import pose_bundle
from films import read_frames

RATE = 10


@pytest.fixture(scope="module")
def landmarkers(bundle_folder: Path) -> Iterator[Landmarkers]:
    with Landmarkers(pose_bundle(bundle_folder / "models", None)) as landmarkers:
        yield landmarkers


@pytest.fixture(scope="module")
def squat(corpus: LabelledVideos) -> Squat:
    return corpus.squats[0]


@pytest.fixture(scope="module")
def pictures(corpus: LabelledVideos, squat: Squat) -> list[np.ndarray]:
    """One squat at ten frames a second."""
    times = np.arange(squat.start, squat.end, 1 / RATE).tolist()
    return [picture for *_, picture in read_frames(corpus.root / squat.video, times)]


@pytest.fixture(scope="module")
def bystander(corpus: LabelledVideos) -> np.ndarray:
    """Someone else, who stands."""
    other = next(squat for squat in corpus.squats if squat.video != corpus.squats[0].video)
    return next(picture for *_, picture in read_frames(corpus.root / other.video, [other.start]))


def film(path: Path, pictures: list[np.ndarray]) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path


def in_left_half(track: Track) -> np.ndarray:
    return np.asarray(track.landmarks[:, list(BODY), 0].max(axis=1) < 0.5)


@pytest.mark.parametrize("share", [1.0, 0.8])
def test_a_still_bystander_is_not_followed(
    share: float, landmarkers: Landmarkers, pictures: list[np.ndarray], bystander: np.ndarray, tmp_path: Path
) -> None:
    height, width = bystander.shape[:2]
    small = cv2.resize(bystander, None, fx=share, fy=share)
    beside = np.zeros_like(bystander) + bystander[:1, :1]
    beside[height - len(small) :, : small.shape[1]] = small
    both = film(tmp_path / "a.mp4", [np.concatenate([picture, beside], axis=1) for picture in pictures])
    track = follow(both, None, RATE, landmarkers)
    assert len(track.times) == len(pictures) and track.persons == 2
    assert track.aspect == pytest.approx(2 * width / height)
    assert in_left_half(track).sum() >= len(pictures) - 1, "a frame may be dropped"

    alone = follow(film(tmp_path / "b.mp4", pictures), None, RATE, landmarkers)
    assert alone.persons == 1 and set(alone.reasons) == {""}
    off = np.abs(track.landmarks[:, list(BODY), :2] * [2, 1] - alone.landmarks[:, list(BODY), :2])
    assert np.nanmedian(off) < 0.02


def test_a_tracker_that_locks_onto_someone_else_is_set_right(
    landmarkers: Landmarkers,
    pictures: list[np.ndarray],
    bystander: np.ndarray,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    both = film(tmp_path / "a.mp4", [np.concatenate([picture, bystander], axis=1) for picture in pictures])
    calm = follow(both, None, RATE, landmarkers)
    seen = 0
    call = Tracker.__call__

    def locked(self: Tracker, picture: np.ndarray, time: float) -> np.ndarray | None:
        nonlocal seen
        seen += 1
        pose = call(self, picture, time)
        if pose is not None and 0.55 < time < 0.95:
            pose = pose.copy()
            pose[:, 0] += 0.5  # where the bystander is
        return pose

    monkeypatch.setattr(Tracker, "__call__", locked)
    track = follow(both, None, RATE, landmarkers)
    assert seen
    wrong = (track.times > 0.55) & (track.times < 0.95)
    assert wrong.sum() >= 4
    assert not (track.landmarks[:, list(BODY), 0].min(axis=1) > 0.5).any(), "the bystander is never taken"
    assert in_left_half(track)[wrong].all() and track.repaired[wrong].all()
    off = np.abs(track.landmarks - calm.landmarks)[:, list(BODY), :2]
    assert np.nanmedian(off) < 0.02


def test_an_empty_room_has_nobody(landmarkers: Landmarkers, tmp_path: Path) -> None:
    track = follow(film(tmp_path / "a.mp4", [np.full((96, 64, 3), 128, np.uint8)] * 12), None, 5, landmarkers)
    assert len(track.times) == 6 and track.persons == 0
    assert set(track.reasons) == {"nobody found"} and np.isnan(track.landmarks).all()


def test_what_is_no_video_is_one_line(landmarkers: Landmarkers, tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("no video\n")
    with pytest.raises(UserError, match=r"text\.mp4: is no video"):
        follow(tmp_path / "text.mp4", None, RATE, landmarkers)
