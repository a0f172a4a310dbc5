"""The annotated video: every frame with the body that was followed, under what is said of it.

H.264 in MP4, upright, square pixels, at the times of the frames, with the sound. Frames come and go one by
one: of the video's length only their times are kept.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, VideoReformatter

from deepsquat.data.videos.ahead import ahead
from deepsquat.data.videos.frames import Index, decoded, indexed
from deepsquat.errors import UserError
from deepsquat.predict.between import Between
from deepsquat.predict.captions import Caption
from deepsquat.predict.drawing import Band, draw_skeleton, text_size
from deepsquat.predict.faces import HOLD, LOOKS, Frame, hidden
from deepsquat.predict.poses import Poses, Wish
from deepsquat.predict.sound import Sound

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.video.stream import VideoStream

LONGEST = 1280  # pixels of the picture's longer side
SHORTEST = 640  # to which a smaller one is made larger, so that what is said can be read
CLOCK = 90_000  # ticks a second
ENCODER = {"preset": "veryfast", "crf": "25"}  # "superfast" makes files twice as large, in 3/4 of the time

Find = Callable[[np.ndarray], list[np.ndarray]]


def pictures(path: Path, poses: Poses, wish: Wish, find: Find | None) -> dict[int, np.ndarray]:
    """The frames that are to be kept, (wish.height, W, 3) uint8 RGB; without those that cannot be decoded."""
    index = indexed(path)
    wanted = wish.kept if find is None else _with_those_around(index, wish.kept)
    found = decoded(path, index, wanted, LONGEST)
    seen = ((n, float(index.times[n]), picture) for n, picture in found if picture is not None)
    frames: Iterator[Frame] = seen
    if find is not None:
        frames = hidden(frames, find, Between(poses).at)
    return {n: _of_height(picture, wish.height) for n, _, picture in frames if n in wish.kept}


def _with_those_around(index: Index, numbers: Sequence[int]) -> list[int]:
    """Frames with those by which the film would hide faces in them: a head missed in one was seen there."""
    near = (np.arange(time - HOLD, time + 1.5 * LOOKS, LOOKS) for time in index.times[list(numbers)])
    return sorted({*numbers, *(n for times in near for n in index.nearest(times.tolist()))})


def write(
    out: Path,
    path: Path,
    poses: Poses,
    wish: Wish,
    find: Find | None,
    begins: Callable[[int], Callable[[], object]],
) -> dict[int, np.ndarray]:
    """Writes the video, and gives what `pictures` gives.

    Args:
        find: the bodies (33, 4) in a picture, where faces are to be hidden.
        begins: told how many frames it will be; what it returns is called once for each.

    Raises:
        UserError: no frame can be decoded, or the disk is full.
    """
    index = indexed(path)
    tick = begins(len(index.times))
    between = Between(poses)
    frames = ahead(_frames(path, index))
    if find is not None:
        frames = hidden(frames, find, between.at)
    kept: dict[int, np.ndarray] = {}
    with (
        av.open(str(out.absolute()), "w", format="mp4", options={"movflags": "+faststart"}) as container,
        closing(Sound(path, index, container)) as sound,
        closing(frames),  # type: ignore[type-var]
    ):
        writer: _Writer | None = None
        for number, time, picture in frames:
            if number in wish.kept:
                kept[number] = _of_height(picture, wish.height)
            if writer is None:
                writer = _Writer(container, picture, wish.captions, index)
            writer.add(time, picture, between.at(time))
            sound.until(time)
            tick()
        if writer is None:
            raise UserError(f"{path}: no frame of it can be decoded; export the video again")
        writer.end()
        sound.until(index.duration)
    return kept


def _frames(path: Path, index: Index) -> Iterator[Frame]:
    """Every frame; in the place of one that cannot be decoded stands the one before."""
    last: np.ndarray | None = None
    missed: list[int] = []
    for number, picture in decoded(path, index, range(len(index.times)), LONGEST):
        if picture is None and last is None:
            missed.append(number)
            continue
        if picture is not None:
            last = _of_size(picture, _size(picture) if last is None else (last.shape[1], last.shape[0]))
        assert last is not None
        for one in (*missed, number):
            yield one, float(index.times[one]), last.copy()
        missed.clear()


def _size(picture: np.ndarray) -> tuple[int, int]:
    """Width and height of all pictures, by the first: even, as the encoder wants them, and not too small."""
    height, width = picture.shape[:2]
    larger = max(1.0, SHORTEST / max(height, width))
    return max(2, 2 * round(width * larger / 2)), max(2, 2 * round(height * larger / 2))


def _of_size(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    import cv2

    same = (picture.shape[1], picture.shape[0]) == size
    return picture if same else cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR)


def _of_height(picture: np.ndarray, height: int) -> np.ndarray:
    import cv2

    width = max(1, round(picture.shape[1] * height / picture.shape[0]))
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)


class _Writer:
    """Draws and encodes, frame by frame."""

    def __init__(
        self, container: "OutputContainer", picture: np.ndarray, captions: Sequence[Caption], index: Index
    ) -> None:
        """picture: the first one, whose size all have."""
        self._container = container
        self._captions = list(captions)
        self._height, self._width = picture.shape[:2]
        self._band = Band(self._width, text_size(self._width, self._height), captions)
        self._shown = np.zeros((self._band.height + self._height, self._width, 3), np.uint8)
        self._place = self._stamp = -1
        self._convert = VideoReformatter()
        gap = float(np.median(np.diff(index.times))) if len(index.times) > 1 else 0.0
        rate = Fraction(1 / gap).limit_denominator(1001) if gap else Fraction(25)
        self._stream: VideoStream = container.add_stream("libx264", rate=rate, options=ENCODER)
        self._stream.width, self._stream.height = self._width, len(self._shown)
        self._stream.pix_fmt = "yuv420p"
        self._stream.time_base = self._stream.codec_context.time_base = Fraction(1, CLOCK)
        self._stream.codec_context.gop_size = max(1, round(2 * rate))  # a player can go to any second
        # HD's colours, and said so: a player would guess by the size.
        self._stream.codec_context.colorspace = Colorspace.ITU709
        self._stream.codec_context.color_range = ColorRange.MPEG
        self._stream.codec_context.color_primaries = ColorPrimaries.BT709
        self._stream.codec_context.color_trc = ColorTrc.BT709

    def add(self, time: float, picture: np.ndarray, landmarks: np.ndarray | None) -> None:
        place = self._place
        while place + 1 < len(self._captions) and self._captions[place + 1].begin <= time:
            place += 1
        if place != self._place:
            self._place = place
            self._shown[: self._band.height] = self._band.drawn(self._captions[place])
        below = self._shown[self._band.height :]
        below[:] = picture
        if landmarks is not None:
            draw_skeleton(below, landmarks, self._captions[place].faulty if place >= 0 else ())
        frame = self._convert.reformat(
            av.VideoFrame.from_ndarray(self._shown, format="rgb24"),
            format="yuv420p",
            dst_colorspace=Colorspace.ITU709,
            dst_color_range=ColorRange.MPEG,
        )
        self._stamp = max(round(time * CLOCK), self._stamp + 1)  # two frames may be but microseconds apart
        frame.pts, frame.time_base = self._stamp, Fraction(1, CLOCK)
        self._container.mux(self._stream.encode(frame))

    def end(self) -> None:
        self._container.mux(self._stream.encode(None))
