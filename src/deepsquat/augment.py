"""More images out of each: fixed copies (the paper's), and random changes while training.

The fixed copies are made once, for every part of the split. The random changes start from the landmarks'
points and are drawn anew each time, for the training part alone.
"""

import math
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from deepsquat.errors import UserError

if TYPE_CHECKING:  # options are checked before torch is loaded
    from torch import Tensor


_SMALLEST = 0.1  # that an image is zoomed out to: smaller, nothing of a figure is left
_AT_ONCE = 8  # images whose copies are made together: what fits into a cache


@dataclass(frozen=True)
class Augment:
    """Which copies every image gets, and how far training images change at random (0: not at all)."""

    flip: bool = False  # every image also mirrored
    zoom_out: float | None = None  # every image also at this scale, padded with black
    random_flip: bool = False  # mirror half of the images
    rotate: float = 0.0  # degrees, either way
    shift: float = 0.0  # fraction of the image, either way
    scale: float = 0.0  # fraction, either way
    jitter: float = 0.0  # standard deviation of each joint, fraction of the image's height
    drop_limbs: float = 0.0  # probability that a limb is not drawn

    def __post_init__(self) -> None:
        if self.zoom_out is not None and not _SMALLEST <= self.zoom_out < 1:
            raise UserError(f"augment.zoom_out must be at least {_SMALLEST} and below 1, got {self.zoom_out}")
        for name in ("rotate", "shift", "jitter"):
            if not 0 <= getattr(self, name) < math.inf:
                raise UserError(f"augment.{name} must be 0 or more, got {getattr(self, name)}")
        if not 0 <= self.scale < 1 or not 0 <= self.drop_limbs < 1:
            raise UserError("augment.scale and augment.drop_limbs must be at least 0 and below 1")
        if self.is_random and (self.flip or self.zoom_out is not None):
            raise UserError(
                "augment: fixed copies (flip, zoom_out) and random changes do not go together; take one kind"
            )

    @property
    def is_random(self) -> bool:
        return self.random_flip or any((self.rotate, self.shift, self.scale, self.jitter, self.drop_limbs))

    @property
    def versions(self) -> int:
        """How many images every image becomes: itself and its fixed copies."""
        return (1 if self.zoom_out is None else 2) * (2 if self.flip else 1)


def copies(images: "Tensor", augment: Augment) -> "Tensor":
    """(k, n, H, W, 3) uint8 of images (n, H, W, 3): as they are, mirrored, zoomed out, and both, as chosen.

    In torch, so that a GPU makes them out of what was uploaded once; the pixels are Albumentations' own, but
    for a rounding of at most one level where the scale is not a half.
    """
    if augment.versions == 1:
        return images[None]
    made = images.new_empty((augment.versions, *images.shape))
    for start in range(0, len(images), _AT_ONCE):
        rows = slice(start, start + _AT_ONCE)
        versions = [images[rows]]
        if augment.zoom_out is not None:
            versions.append(_zoomed(images[rows], augment.zoom_out))
        if augment.flip:
            versions = [version for v in versions for version in (v, v.flip(2))]
        for copy, version in zip(made, versions, strict=True):
            copy[rows] = version
    return made


def _zoomed(images: "Tensor", scale: float) -> "Tensor":
    """Images (n, H, W, 3) scaled about their centre, bilinearly, on black."""
    import torch

    values, places = images.float(), []
    for axis in (1, 2):
        size = images.shape[axis]
        centre = (size - 1) / 2
        source = (torch.arange(size, dtype=torch.float64) - centre) / scale + centre
        place = torch.nonzero((source > -1) & (source < size)).flatten()  # the rest lies outside: black
        before = source[place].floor()
        shape = [len(place) if i == axis else 1 for i in range(4)]
        blended = torch.zeros(())
        for pixel, weight in ((before, before + 1 - source[place]), (before + 1, source[place] - before)):
            inside = (pixel >= 0) & (pixel < size)
            share = torch.where(inside, weight, 0.0).float().view(shape).to(images.device)
            taken = pixel.long().clamp(0, size - 1).to(images.device)
            blended = blended + values.index_select(axis, taken) * share
        values = blended
        places.append(slice(int(place[0]), int(place[-1]) + 1))
    zoomed = torch.zeros_like(images)
    zoomed[:, places[0], places[1]] = values.round().to(torch.uint8)
    return zoomed


def jittered(points: np.ndarray, augment: Augment, height: int, generator: np.random.Generator) -> np.ndarray:
    """Points (n, p, 2) in pixels of an image `height` high, each moved by normal noise."""
    if not augment.jitter:
        return points
    return points + generator.normal(0, augment.jitter * height, points.shape).astype(np.float32)


def dropped_limbs(n: int, limbs: int, augment: Augment, generator: np.random.Generator) -> np.ndarray:
    """(n, limbs) bool: which limbs are left out."""
    return generator.random((n, limbs)) < augment.drop_limbs


def changed(images: np.ndarray, augment: Augment, seed: int) -> np.ndarray:
    """Images (n, H, W, 3), each mirrored, turned, moved and scaled at random. Same seed, same images."""
    A = _albumentations()
    change = A.Compose(
        [
            A.HorizontalFlip(p=0.5 if augment.random_flip else 0.0),
            A.Affine(
                scale=(1 - augment.scale, 1 + augment.scale),
                keep_ratio=True,  # a body's proportions are what is judged
                translate_percent=(-augment.shift, augment.shift),
                rotate=(-augment.rotate, augment.rotate),
                fill=0,
                p=1.0,
            ),
        ],
        seed=seed,
    )
    return _each(images, change)


def _each(images: np.ndarray, change: Any) -> np.ndarray:
    return np.stack([change(image=image)["image"] for image in images]) if len(images) else images


def _albumentations() -> Any:
    os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"  # else the import asks the network for a newer version
    import albumentations

    return albumentations
