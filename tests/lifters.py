"""A made-up lifter's poses, as an estimator sees them, all of the body in the picture."""

import numpy as np

from deepsquat.data.joints.estimator import estimated
from deepsquat.data.joints.view import View, placed_camera
from deepsquat.data.synthetic.motion import FPS, Motion
from deepsquat.predict.poses import Poses

EVERY = 3  # frames: ten poses a second


def seen(motion: Motion, seed: int, view: View | None = None) -> Poses:
    rng = np.random.default_rng(seed)
    camera = placed_camera(rng, view or View(), motion.points)
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
