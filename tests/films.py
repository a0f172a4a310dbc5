"""Small videos whose frames bear their numbers, and frames of any video by time."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from deepsquat.data.videos.frames import decoded, indexed
from deepsquat.errors import UserError

MS = Fraction(1, 1000)


def picture(number: int, width: int, height: int) -> np.ndarray:
    """(H, W, 3): no two corners alike; the frame's number stands in eight bars across the top."""
    image = np.zeros((height, width, 3), np.uint8)
    image[height // 2 :, : width // 2] = (200, 0, 0)
    image[height // 2 :, width // 2 :] = (0, 0, 200)
    for bit in range(8):
        image[: height // 4, bit * width // 8 : (bit + 1) * width // 8] = 255 * (number >> bit & 1)
    return image


def number_in(image: np.ndarray) -> int:
    height, width = image.shape[:2]
    bars = [image[height // 8, (2 * bit + 1) * width // 16].mean() > 127 for bit in range(8)]
    return sum(1 << bit for bit, on in enumerate(bars) if on)


def film(
    path: Path,
    frames: int = 60,
    *,
    rate: int = 30,
    size: tuple[int, int] = (96, 160),
    codec: str = "libx264",
    pixels: str = "yuv420p",
    keyframe_every: int = 10,
    rotation: int = 0,
    matrix: tuple[int, int, int, int] | None = None,
    milliseconds: Sequence[int] | None = None,
    options: dict[str, str] | None = None,
    audio: bool = False,
    cover: bool = False,
) -> Path:
    """A video whose frames bear their numbers; B-frames where the codec has them.

    matrix: where players show x and y, each as x and y, all of them -1, 0 or 1.
    """
    with av.open(str(path), "w") as container:
        if cover:  # before the video, so that it is the first of the streams
            art = container.add_stream("mjpeg", rate=1)
            art.width, art.height, art.pix_fmt = 32, 32, "yuvj420p"
            art.disposition = av.stream.Disposition.attached_pic
        stream = container.add_stream(codec, rate=rate)
        stream.width, stream.height = size
        stream.pix_fmt = pixels
        stream.gop_size = keyframe_every
        stream.options = options or {}
        if rotation:
            stream.set_display_rotation(rotation)
        if matrix is not None:
            a, b, c, d = (65536 * value for value in matrix)
            stream.set_display_matrix([a, b, 0, c, d, 0, 0, 0, 2**30])
        if milliseconds is not None:
            stream.codec_context.time_base = MS
        if audio:
            sound = container.add_stream("aac", rate=48000)
            tone = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            tone.sample_rate = 48000
            sound.codec_context.layout = "mono"
        if cover:
            frame = av.VideoFrame.from_ndarray(np.full((32, 32, 3), 90, np.uint8), format="rgb24")
            container.mux(art.encode(frame))
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(picture(number, *size), format="rgb24")
            frame.pts = number
            if milliseconds is not None:
                frame.pts, frame.time_base = milliseconds[number], MS
            container.mux(stream.encode(frame))
            if audio:
                tone.pts = 1024 * number
                container.mux(sound.encode(tone))
        container.mux(stream.encode())
        if audio:
            container.mux(sound.encode())
    return path


def read_frames(path: Path, times: Sequence[float]) -> Iterator[tuple[int, float, np.ndarray]]:
    """Yield number, time in seconds and picture of the frames nearest to `times`, each once, rising."""
    index = indexed(path)
    for number, image in decoded(path, index, index.nearest(times)):
        if image is None:
            raise UserError(f"{path}: the frame at {index.times[number]:.2f} s cannot be decoded")
        yield number, float(index.times[number]), image


def check_numbers(path: Path, count: int, rate: float = 30.0) -> None:
    """All frames, single ones and scattered ones come with the right number, time and picture."""
    assert len(indexed(path).times) == count
    for wanted in (range(count), [count // 2], [count - 1], [1, 17, 18, count - 3], [9, 10, 11]):
        found = list(read_frames(path, [number / rate for number in wanted]))
        assert [number for number, _, _ in found] == list(wanted)
        assert [number_in(image) for _, _, image in found] == list(wanted)
        assert [time for _, time, _ in found] == pytest.approx([n / rate for n in wanted], abs=6e-4)
