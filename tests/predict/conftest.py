"""A made-up lifter's poses, as an estimator sees them, and all that is known of them."""

from pathlib import Path

import pytest

from deepsquat import champion
from deepsquat.data.synthetic.motion import filmed_motion
from deepsquat.pose.mediapipe import MediaPipePose
from deepsquat.predict import result
from deepsquat.predict.options import Options
from deepsquat.predict.poses import Estimated, Poses, Reader
from lifters import seen


@pytest.fixture(scope="package")
def lifted() -> Poses:
    """Three squats, all of the body in the picture."""
    return seen(filmed_motion(3, 1, 1, (1, 1, 1)), 3)


@pytest.fixture(scope="package")
def known(lifted: Poses, tmp_path_factory: pytest.TempPathFactory) -> result.Result:
    reader = Reader(MediaPipePose(), 10, tmp_path_factory.mktemp("data"))
    video = Path("Anna's <b>best</b> & ü.mp4")
    options = Options(True, False, 178)
    return result.of(video, Estimated(lifted, "0" * 64, "key"), reader, champion.load(), 0.0, options)
