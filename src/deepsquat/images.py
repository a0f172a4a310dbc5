"""Skeleton images in memory, with what is known of each; and the one file that carries them elsewhere."""

import zipfile
import zlib
from dataclasses import MISSING, asdict, dataclass, fields
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from deepsquat.data.arrays import ArrayFile
from deepsquat.data.squats import FreshSource
from deepsquat.errors import UserError
from deepsquat.files import add_checksum, expanded, read_checked, written_whole
from deepsquat.landmarks import NAMES, LandmarkTable, unknown_measures
from deepsquat.processes import memory
from deepsquat.skeleton import Style, draw, pixels
from deepsquat.terminal import say

SMALL = 0.25  # of an image's height: a figure that is lower shows little of how its limbs stand


@dataclass(frozen=True, eq=False)
class Images:
    """n frames; columns have n rows, in the order of the landmark table."""

    images: np.ndarray  # (n, H, W, 3) uint8, RGB
    points: np.ndarray  # (n, 36, 2) float32, pixels: what the image was drawn from
    squat: np.ndarray  # (n,) str
    video: np.ndarray  # (n,) str
    subject: np.ndarray  # (n,) str
    faults: np.ndarray  # (n,) str
    label: np.ndarray  # (n,) int8, -1 where not judged
    frame: np.ndarray  # (n,) int32
    time: np.ndarray  # (n,) float64, seconds
    fingerprint: np.ndarray  # () str: hash of everything that went into the landmarks
    source: np.ndarray  # () str: what the data is, in words
    drawn_as: np.ndarray  # () str: how it was drawn, in words
    # As in the landmark table; left out, as by files of earlier versions, unknown, and no references.
    measures: np.ndarray = None  # type: ignore[assignment]  # (n, 8) float32
    reference: np.ndarray = None  # type: ignore[assignment]  # (n,) int8
    landmarks: np.ndarray = None  # type: ignore[assignment]  # (n, 33, 4) float32
    aspect: np.ndarray = None  # type: ignore[assignment]  # (n,) float32

    def __post_init__(self) -> None:
        n = len(self.squat)
        unknown = {
            "measures": unknown_measures(n),
            "reference": np.zeros(n, np.int8),
            "landmarks": np.full((n, len(NAMES), 4), np.nan, np.float32),
            "aspect": np.full(n, np.nan, np.float32),
        }
        for name, values in unknown.items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, values)


def draw_images(table: LandmarkTable, fingerprint: str, source: str, style: Style) -> Images:
    """Draws every frame of the table.

    Raises:
        UserError: the images are more than this machine's memory holds.
    """
    size = len(table) * style.height * style.width * 3
    if size > memory():
        raise UserError(
            f"skeleton: {len(table):,} images of {style.height} x {style.width} pixels take "
            f"{size / 2**30:,.1f} GiB, and this machine has {memory() / 2**30:,.1f}; take smaller ones"
        )
    points = pixels(table, style)
    return Images(
        images=draw(points, style),
        points=points,
        squat=table.squat,
        video=table.video,
        subject=table.subject,
        faults=table.faults,
        label=table.label,
        frame=table.frame,
        time=table.time,
        measures=table.measures,
        reference=table.reference,
        landmarks=table.landmarks,
        aspect=table.aspect,
        fingerprint=np.array(fingerprint),
        source=np.array(source),
        drawn_as=np.array(_drawn_as(style)),
    )


def save(path: Path, images: Images) -> None:
    """Writes everything to one compressed .npz file, which NumPy alone can read.

    By bzip2: half the size of NumPy's own compressed files.
    """
    with written_whole(path) as temporary:
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_BZIP2) as archive:
            for field in fields(images):
                with archive.open(f"{field.name}.npy", "w", force_zip64=True) as file:
                    np.lib.format.write_array(file, getattr(images, field.name), allow_pickle=False)
        add_checksum(temporary)


def load(path: Path) -> Images:
    """Reads what `save` wrote.

    Raises:
        UserError: there is no such file, it is damaged, or not one of ours.
    """
    if not path.is_file():
        raise UserError(f"{path}: there is no such file; write it with src/prepare.py export=PATH")
    content = read_checked(path, "write it again with src/prepare.py export=PATH")
    try:
        with np.load(BytesIO(content), allow_pickle=False) as file:
            there = [f.name for f in fields(Images) if f.name in file or f.default is MISSING]
            found = Images(**{name: file[name] for name in there})
        if found.images.ndim != 4 or len({len(found.images), len(found.points), len(found.squat)}) > 1:
            raise ValueError("not one row a frame")
        return found
    except (ValueError, KeyError, TypeError, OSError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise UserError(
            f"{path}: not a file of prepared images; write it again with src/prepare.py export=PATH"
        ) from error


@lru_cache(maxsize=2)  # a sweep trains many times on the same images
def load_images(source: Any, pose: Any, style: Style, data_folder: Path) -> Images:
    """The images of the source, from the landmark table or from a file of prepared arrays."""
    if isinstance(source, ArrayFile):
        return _prepared_images(expanded(str(source.file), "data.file"), style)
    from deepsquat.pose.table import prepare

    prepared = prepare(source, pose, data_folder)
    images = draw_images(prepared.table, prepared.fingerprint, source_name(source), style)
    if small := small_figures(images, style):
        say(f"Note: {small}.")
    return images


def small_figures(images: Images, style: Style) -> str:
    """What to do about figures that are drawn too small to tell form; "" where most are large enough."""
    if style.framing == "person" or not len(images.points):
        return ""
    y, (names, number) = images.points[..., 1], np.unique(images.squat, return_inverse=True)
    low, top = np.full(len(names), -np.inf), np.full(len(names), np.inf)  # y goes down
    np.maximum.at(low, number, y.max(axis=1))
    np.minimum.at(top, number, y.min(axis=1))
    high = low - top
    small = high < SMALL * style.height
    if 2 * small.sum() <= len(high):
        return ""
    return (
        f"in {small.sum()} of {len(high)} squats the figure is less than {SMALL * style.height:.0f} of "
        f"{style.height} pixels high, half of all {np.median(high):.0f} or less; skeleton.framing=person "
        "draws it as large as fits"
    )


def drawn_anew(source: FreshSource, style: Style, squats: int, epoch: int) -> Images:
    """So many squats of an epoch's own, drawn."""
    return draw_images(source.anew(squats, epoch), "", source_name(source), style)


def source_name(source: Any) -> str:
    """The data group's option: the name of its module."""
    return type(source).__module__.removeprefix("deepsquat.data.").split(".")[0]


def _prepared_images(path: Path, style: Style) -> Images:
    images = load(path)
    if str(images.drawn_as) != _drawn_as(style):
        raise UserError(
            f"{path}: holds other images: {images.drawn_as}; asked for: {_drawn_as(style)}; "
            "prepare and train under the same protocol and values"
        )
    return images


def _drawn_as(style: Style) -> str:
    return ", ".join(f"{name} {value}" for name, value in asdict(style).items())
