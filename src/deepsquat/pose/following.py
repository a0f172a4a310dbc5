"""One body, followed through a span of a video."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deepsquat.data.videos.frames import decoded, indexed
from deepsquat.errors import UserError
from deepsquat.landmarks import NAMES
from deepsquat.pose.landmarkers import Landmarkers

LONGEST = 1280  # pixels of a picture's longer side; the networks see the body at 256 x 256


@dataclass(frozen=True)
class Track:
    """One body in the frames of a span, by time; n frames."""

    frames: np.ndarray  # (n,) int32, numbers in the video
    times: np.ndarray  # (n,) float64, seconds from the video's first frame
    landmarks: np.ndarray  # (n, 33, 4) float32, as in LandmarkTable; NaN where dropped
    reasons: np.ndarray  # (n,) str, why it was dropped; "" where it was not
    aspect: float  # the picture's width over its height
    persons: int  # people seen in the span, the one that was followed among them


def follow(path: Path, span: tuple[float, float] | None, rate: float, landmarkers: Landmarkers) -> Track:
    """Follow the one who squats through a span of a video.

    The video is decoded as it goes: memory does not grow with its length.

    Args:
        span: seconds, from the first frame's; None: all of the video.
        rate: poses a second, at most; the video's own frame rate where that is lower.

    Raises:
        UserError: the file cannot be read, is no video, or has no timestamps.
    """
    index = indexed(path)
    start, end = span or (0.0, float(index.times[-1]))
    numbers = index.nearest(np.arange(start, end + 0.5 / rate, 1 / rate).tolist())
    landmarks = np.full((len(numbers), len(NAMES), 4), np.nan, np.float32)
    reasons = np.full(len(numbers), "", dtype=object)
    aspect = 0.0
    tracker = landmarkers.tracker()
    for row, (number, picture) in enumerate(decoded(path, index, numbers, LONGEST)):
        pose = None
        if picture is not None:
            aspect = picture.shape[1] / picture.shape[0]
            pose = tracker(picture, float(index.times[number]))
        if pose is None:
            reasons[row] = "nobody found"
        else:
            landmarks[row] = pose
    tracker.close()
    if not aspect:
        raise UserError(f"{path}: no frame of it can be decoded; export the video again")
    found = ~np.isnan(landmarks[:, 0, 0])
    return Track(
        np.array(numbers, np.int32),
        index.times[numbers],
        landmarks,
        reasons.astype(str),
        aspect,
        int(found.any()),
    )
