"""Poses estimated once for the tests of this folder."""

import shutil
from pathlib import Path

import pytest

from deepsquat.data.squats import FrameChoice, LabelledVideos
from deepsquat.pose.mediapipe import MediaPipePose
from deepsquat.pose.table import Prepared, prepare
from poses import Videos


@pytest.fixture(scope="session")
def videos(corpus: LabelledVideos) -> LabelledVideos:
    """Three squats of each video, three frames of each squat: enough to see every path."""
    names = sorted({squat.video for squat in corpus.squats})[:2]
    squats = [squat for name in names for squat in [s for s in corpus.squats if s.video == name][:3]]
    return LabelledVideos(corpus.root, tuple(squats), FrameChoice(each_side=1, step=0.1))


@pytest.fixture(scope="session")
def data(bundle_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder that holds the bundle and what the first preparation leaves."""
    folder = tmp_path_factory.mktemp("data")
    shutil.copytree(bundle_folder / "models", folder / "models")
    return folder


@pytest.fixture(scope="session")
def prepared(videos: LabelledVideos, data: Path) -> Prepared:
    return prepare(Videos(videos), MediaPipePose(workers=2), data)


@pytest.fixture
def offline(prepared: Prepared, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with the poses of the first preparation, but no bundle and no way to get one.

    What estimates a pose again fails there.
    """
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    shutil.copytree(data / "landmarks", tmp_path / "landmarks")
    return tmp_path
