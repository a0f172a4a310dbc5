"""A made-up lifter's poses, as an estimator sees them, and all that is known of them."""

from pathlib import Path

import numpy as np
import pytest

from deepsquat import champion
from deepsquat.data.joints.estimator import estimated
from deepsquat.data.joints.view import View, placed_camera
from deepsquat.data.synthetic.motion import FPS, filmed_motion
from deepsquat.pose.mediapipe import MediaPipePose
from deepsquat.predict import result
from deepsquat.predict.poses import Estimated, Poses, Reader

EVERY = 3  # frames: ten poses a second


@pytest.fixture(scope="package")
def lifted() -> Poses:
    """Three squats, all of the body in the picture."""
    rng = np.random.default_rng(3)
    motion = filmed_motion(3, 1, 1, (1, 1, 1))
    camera = placed_camera(rng, View(), motion.points)
    landmarks = estimated(rng, camera.landmarks(motion.points), camera.aspect, 1.0)[::EVERY]
    n = len(landmarks)
    return Poses(
        np.arange(n, dtype=np.int32) * EVERY,
        np.arange(n) * EVERY / FPS,
        landmarks.astype(np.float32),
        np.full(n, ""),
        np.full(n, camera.aspect, np.float32),
        np.ones(n, np.int32),
        np.ones(n, np.int32),
    )


@pytest.fixture(scope="package")
def known(lifted: Poses, tmp_path_factory: pytest.TempPathFactory) -> result.Result:
    reader = Reader(MediaPipePose(), 10, tmp_path_factory.mktemp("data"))
    video = Path("Anna's <b>best</b> & ü.mp4")
    return result.of(video, Estimated(lifted, "0" * 64, "key"), reader, champion.load(), 0.0, 178)
