"""Skeleton images in memory, with what is known of each; and the one file that carries them elsewhere."""

import zipfile
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from deepsquat.augment import Augment, copies
from deepsquat.data.arrays import ArrayFile
from deepsquat.errors import UserError
from deepsquat.files import written_whole
from deepsquat.landmarks import LandmarkTable
from deepsquat.skeleton import Style, draw, pixels


@dataclass(frozen=True)
class Images:
    """n frames, each in k fixed copies; columns have n rows, in the order of the landmark table."""

    images: np.ndarray  # (k, n, H, W, 3) uint8, RGB
    points: np.ndarray  # (n, 36, 2) float32, pixels: what the first copy was drawn from
    squat: np.ndarray  # (n,) str
    video: np.ndarray  # (n,) str
    subject: np.ndarray  # (n,) str
    faults: np.ndarray  # (n,) str
    label: np.ndarray  # (n,) int8, -1 where not judged
    frame: np.ndarray  # (n,) int32
    time: np.ndarray  # (n,) float64, seconds
    fingerprint: np.ndarray  # () str: hash of everything that went into the landmarks
    source: np.ndarray  # () str: what the data is, in words

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of an image."""
        return self.images.shape[2], self.images.shape[3]


def draw_images(
    table: LandmarkTable, fingerprint: str, source: str, style: Style, augment: Augment
) -> Images:
    """Draws every frame of the table and its fixed copies."""
    points = pixels(table, style)
    return Images(
        images=copies(draw(points, style), augment),
        points=points,
        squat=table.squat,
        video=table.video,
        subject=table.subject,
        faults=table.faults,
        label=table.label,
        frame=table.frame,
        time=table.time,
        fingerprint=np.array(fingerprint),
        source=np.array(source),
    )


def save(path: Path, images: Images) -> None:
    """Writes everything to one compressed .npz file, which NumPy alone can read."""
    with written_whole(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **{field.name: getattr(images, field.name) for field in fields(images)})


def load(path: Path) -> Images:
    """Reads what `save` wrote.

    Raises:
        UserError: there is no such file, or it is not one of ours.
    """
    if not path.is_file():
        raise UserError(f"{path}: there is no such file; write it with src/prepare.py export=PATH")
    try:
        with np.load(path, allow_pickle=False) as file:
            return Images(**{field.name: file[field.name] for field in fields(Images)})
    except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(
            f"{path}: not a file of prepared images; write it anew with src/prepare.py export=PATH"
        ) from error


@lru_cache(maxsize=2)  # a sweep trains many times on the same images
def load_images(source: Any, pose: Any, style: Style, augment: Augment, data_folder: Path) -> Images:
    """The images of the source, from the landmark table or from a file of prepared arrays."""
    if isinstance(source, ArrayFile):
        return _prepared_images(Path(source.file).expanduser(), style, augment)  # type: ignore[arg-type]
    from deepsquat.pose.table import prepare

    prepared = prepare(source, pose, data_folder)
    return draw_images(prepared.table, prepared.fingerprint, named(source), style, augment)


def named(source: Any) -> str:
    """The data group's option: the name of its module."""
    return type(source).__module__.removeprefix("deepsquat.data.").split(".")[0]


def _prepared_images(path: Path, style: Style, augment: Augment) -> Images:
    images = load(path)
    if images.size != (style.height, style.width):
        raise UserError(
            f"{path}: holds images of {images.size[0]} x {images.size[1]}, but skeleton.height is "
            f"{style.height} and skeleton.width {style.width}; prepare and train under the same values"
        )
    wanted = (2 if augment.flip else 1) * (2 if augment.zoom_out else 1)
    if images.images.shape[0] != wanted:
        raise UserError(
            f"{path}: holds {images.images.shape[0]} copies of each image, but the augmentation asks for "
            f"{wanted}; prepare and train with the same augment="
        )
    return images
