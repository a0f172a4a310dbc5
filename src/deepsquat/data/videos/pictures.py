"""Decoded frames to upright RGB pictures with square pixels."""

from typing import Any

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter


class Pictures:
    """Turns the frames of one stream into pictures; what it needs for that it sets up once."""

    def __init__(self, pixel: float = 1.0, longest: int | None = None) -> None:
        """pixel: width over height of a stored pixel, before the picture is turned.

        longest: pixels of a picture's longer side, beyond which it is made smaller; None: never.
        """
        self._pixel = pixel
        self._longest = longest
        # One for all frames: a frame's own conversion sets one up each time, which takes ten times as long.
        self._convert = VideoReformatter()

    def __call__(self, frame: VideoFrame) -> np.ndarray:
        """(H, W, 3) uint8 RGB, turned and mirrored as the file says, which libav leaves to players; without
        padding.
        """
        width, height = self._size(frame.width, frame.height)
        smaller = width * height < frame.width * frame.height
        made = self._convert.reformat(
            frame,
            width,
            height,
            "rgb24",
            interpolation=Interpolation.AREA if smaller else Interpolation.BILINEAR,
            threads=1,  # videos are spread over processes instead
        )
        picture = made.to_ndarray()
        if _is_mirrored(frame):
            picture = picture[::-1]
        return np.ascontiguousarray(np.rot90(picture, round(frame.rotation / 90) % 4))

    def _size(self, width: int, height: int) -> tuple[int, int]:
        """Pixels of the picture: a pixel that is not square is made longer, so that nothing is lost."""
        wide, high = width * max(self._pixel, 1.0), height / min(self._pixel, 1.0)
        shrink = min(1.0, (self._longest or np.inf) / max(wide, high))
        return max(1, round(wide * shrink)), max(1, round(high * shrink))


def _is_mirrored(frame: VideoFrame) -> bool:
    """Whether the file's matrix turns the picture upside down before `frame.rotation`, or left for right.

    Nine numbers of 32 bits; the first two and the fourth and fifth are where x and y go.
    """
    try:
        found: Any = frame.side_data  # typed as if it held but one thing
        matrix = np.frombuffer(found["DISPLAYMATRIX"], np.int32).astype(float)
    except (KeyError, ValueError):  # ValueError: PyAV has no name for something else that the frame bears
        return False
    return bool(matrix[0] * matrix[4] < matrix[1] * matrix[3])
