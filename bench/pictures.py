"""Pictures: frames of drawn videos, skeleton images, and their fixed copies."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from bench.home import Home
from bench.row import Measure, Row, Sides
from deepsquat.augment import Augment
from deepsquat.data.squats import FrameChoice
from deepsquat.data.synthetic.source import SyntheticSquats
from deepsquat.skeleton import COLOURS, LIMBS, Style

IMAGES = 2000  # skeletons a repeat
PAPER = Augment(flip=True, zoom_out=0.5)
_LABELS = (1, 0, 1, 0, 1)  # of the squats of the one film that is drawn


@contextmanager
def _rendering(home: Home) -> Iterator[Sides]:
    import cv2

    from deepsquat.data.synthetic.corpus import VideoPlan, motion, painter, write_video

    options, film = _options(home), VideoPlan(0, 0, _LABELS)
    filmed = motion(options, film)
    draw = painter(options, film, filmed)
    planes = [cv2.cvtColor(draw.frame(points), cv2.COLOR_BGR2YUV_I420) for points in filmed.points]
    path = home.folder / "encoded.mp4"
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # as in the processes that draw a corpus: one core for each
    try:
        yield Sides(
            ours=_rate(len(planes), lambda: write_video(options, film)),
            reference=_rate(len(planes), lambda: _encode(planes, path)),
        )
    finally:
        cv2.setNumThreads(threads)


def _encode(planes: Sequence[np.ndarray], path: Path) -> None:
    """What PyAV takes to encode ready pictures by the same settings."""
    import av

    from deepsquat.data.synthetic.corpus import ENCODER
    from deepsquat.data.synthetic.motion import FPS

    rows, width = planes[0].shape
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=FPS, options=ENCODER)
        stream.width, stream.height, stream.pix_fmt = width, rows * 2 // 3, "yuv420p"
        stream.codec_context.time_base = Fraction(1, FPS)
        for number, picture in enumerate(planes):
            frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


@contextmanager
def _drawing(home: Home) -> Iterator[Sides]:
    from deepsquat.skeleton import draw

    style = Style()
    points = _points(home, style)
    places = np.round(points * 8).astype(np.int32).tolist()
    yield Sides(
        ours=_rate(IMAGES, lambda: draw(points, style)),
        reference=_rate(IMAGES, lambda: _lines(places, style)),
    )


def _lines(places: Sequence[Any], style: Style) -> np.ndarray:
    """What OpenCV takes for the same lines; places are in 1/8 pixel."""
    import cv2

    images = np.zeros((len(places), style.height, style.width, 3), np.uint8)
    for image, place in zip(images, places, strict=True):
        for (a, b), colour in zip(LIMBS, COLOURS, strict=True):
            cv2.line(image, place[a], place[b], colour, style.line_width, cv2.LINE_AA, 3)
    return images


@contextmanager
def _copies(home: Home) -> Iterator[Sides]:
    import torch

    from deepsquat.augment import copies
    from deepsquat.skeleton import draw

    style = Style()
    images = draw(_points(home, style), style)
    tensor = torch.from_numpy(images)
    yield Sides(
        ours=_rate(4 * IMAGES, lambda: copies(tensor, PAPER)),
        reference=_rate(4 * IMAGES, lambda: _albumentations_copies(images)),
    )


def _albumentations_copies(images: np.ndarray) -> np.ndarray:
    """(4, n, H, W, 3): each image, mirrored, at half its size, and both."""
    import os

    os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"  # else the import asks the network for a newer version
    import albumentations as A

    mirror, zoom = A.HorizontalFlip(p=1.0), A.Affine(scale=(0.5, 0.5), fill=0, p=1.0)
    made = np.empty((4, *images.shape), np.uint8)
    for i, image in enumerate(images):
        small = zoom(image=image)["image"]
        made[0, i], made[1, i] = image, mirror(image=image)["image"]
        made[2, i], made[3, i] = small, mirror(image=small)["image"]
    return made


def _options(home: Home) -> SyntheticSquats:
    return SyntheticSquats(home.folder / "pictures", videos=1, squats=len(_LABELS), frames=FrameChoice())


def _points(home: Home, style: Style) -> np.ndarray:
    """(IMAGES, 36, 2) pixels in a skeleton image, from the true joints of a film."""
    from deepsquat.data.synthetic.body import in_room
    from deepsquat.data.synthetic.corpus import VideoPlan, motion, painter
    from deepsquat.landmarks import NAMES, LandmarkTable
    from deepsquat.skeleton import pixels

    options, film = _options(home), VideoPlan(0, 0, _LABELS)
    filmed = motion(options, film)
    seen, _ = painter(options, film, filmed).scene.camera.project(in_room(filmed.points[:, : len(NAMES)]))
    seen = np.resize(seen, (IMAGES, *seen.shape[1:])) / (options.width, options.height)
    landmarks = np.zeros((IMAGES, len(NAMES), 4), np.float32)
    landmarks[..., :2] = seen
    text, number = np.full(IMAGES, ""), np.zeros(IMAGES, np.int32)
    aspect = np.full(IMAGES, options.width / options.height, np.float32)
    return pixels(
        LandmarkTable(text, text, text, text, number, number, number, number, aspect, landmarks), style
    )


def _rate(n: int, work: Any) -> Measure:
    """How many of n a second."""

    def measure() -> float:
        start = time.perf_counter()
        work()
        return n / (time.perf_counter() - start)

    return measure


ROWS = (
    Row(
        name="render",
        what="frames of drawn videos, one core",
        reference="PyAV encoding the same pictures, ready in memory: H.264 alone",
        unit="frames/s",
        ready=_rendering,
    ),
    Row(
        name="draw",
        what="skeleton images, one core",
        reference="OpenCV drawing the same lines from ready coordinates",
        unit="images/s",
        ready=_drawing,
    ),
    Row(
        name="copies",
        what="fixed copies, flip x zoom-out",
        reference="Albumentations' HorizontalFlip and Affine, image by image",
        unit="images/s",
        ready=_copies,
    ),
)
