"""Frames of a video by time, whatever squats are in it."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from deepsquat.data.videos.frames import decoded, indexed
from deepsquat.errors import UserError


def read_frames(path: Path, times: Sequence[float]) -> Iterator[tuple[int, float, np.ndarray]]:
    """Yield number, time in seconds and picture of the frames nearest to `times`, each once, rising."""
    index = indexed(path)
    for number, image in decoded(path, index, index.nearest(times)):
        if image is None:
            raise UserError(f"{path}: the frame at {index.times[number]:.2f} s cannot be decoded")
        yield number, float(index.times[number]), image
