"""The chosen frames of a video's squats, read through the project's decoder."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NoReturn

import numpy as np

from deepsquat.data.squats import FrameChoice, Squat
from deepsquat.data.videos.frames import REMEDY, decoded, indexed, out_of_reach
from deepsquat.errors import UserError


def refused(path: Path, squat: Squat, why: str) -> NoReturn:
    """Raises the error of a squat that cannot be read."""
    raise UserError(f"{path}: squat {squat.index + 1} {why}")


def squat_frames(
    root: Path,
    squats: Sequence[Squat],
    frames: FrameChoice,
    lost: Callable[[Path, Squat, str], None] = refused,
) -> Iterator[tuple[Squat, int, float, float, np.ndarray]]:
    """Yield the chosen frames of the squats of one video, in order of time, in one pass.

    lost: told of each squat that ends after the video, lies in a gap of it, or has a frame that cannot be
        decoded; called once a squat, after which no more frames of that squat come.

    Yields:
        The squat, the frame's number in the video from 0, its time in seconds, that time less the time of
        the frame nearest to the squat's bottom, and the upright picture, (H, W, 3) uint8 RGB.

    Raises:
        UserError: the file cannot be read, is no video, or has no timestamps; and what `lost` raises.
    """
    if not squats:
        return
    path = root / squats[0].video
    index = indexed(path)
    chosen: dict[int, list[tuple[Squat, float]]] = {}
    gone: set[int] = set()
    for squat in squats:
        wanted = frames.times(squat)
        if why := out_of_reach(index, squat, wanted):
            gone.add(squat.index)
            lost(path, squat, why)
            continue
        bottom = float(index.times[index.nearest([squat.bottom])[0]])
        for number in index.nearest(wanted):
            chosen.setdefault(number, []).append((squat, bottom))
    for number, image in decoded(path, index, sorted(chosen)):
        time = float(index.times[number])
        for squat, bottom in chosen[number]:
            if squat.index in gone:
                continue
            if image is not None:
                yield squat, number, time, time - bottom, image
                continue
            gone.add(squat.index)
            what = f"has a frame at {time:.2f} s that cannot be decoded; the video is damaged there"
            lost(path, squat, f"{what}: {REMEDY}")
