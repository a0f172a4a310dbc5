"""Draws landmarks as pose-only images: coloured limbs on black."""

import colorsys
from dataclasses import dataclass

import numpy as np

from deepsquat.errors import UserError
from deepsquat.landmarks import INDEX, NAMES, LandmarkTable

# Points that MediaPipe does not give but a figure needs, each the middle of two landmarks.
NECK, HEAD, PELVIS = 33, 34, 35
_MIDDLES = (("left_shoulder", "right_shoulder"), ("left_ear", "right_ear"), ("left_hip", "right_hip"))


def _limb(start: str | int, end: str | int) -> tuple[int, int]:
    return tuple(INDEX[p] if isinstance(p, str) else p for p in (start, end))  # type: ignore[return-value]


_ARM = ("elbow", "wrist")


def _name(point: int) -> str:
    return NAMES[point] if point < len(NAMES) else ""


LIMBS = (
    _limb(HEAD, NECK),
    _limb("nose", HEAD),
    _limb(NECK, PELVIS),
    *(
        _limb(f"{side}_{a}", f"{side}_{b}")
        for side in ("left", "right")
        for a, b in (
            ("shoulder", "elbow"),
            ("elbow", "wrist"),
            ("shoulder", "hip"),
            ("hip", "knee"),
            ("knee", "ankle"),
            ("ankle", "heel"),
            ("heel", "foot_index"),
        )
    ),
    _limb("left_shoulder", "right_shoulder"),
    _limb("left_hip", "right_hip"),
)
COLOURS = tuple(
    tuple(int(255 * c) for c in colorsys.hsv_to_rgb(i / len(LIMBS), 0.85, 1.0)) for i in range(len(LIMBS))
)
# What form shows in: without the head and the arms, which say who it is and what is carried.
LEGS = frozenset(
    i
    for i, (a, b) in enumerate(LIMBS)
    if not {a, b} & {HEAD, NECK, INDEX["nose"]}
    and not any(f"{side}_{joint}" in (_name(a), _name(b)) for side in ("left", "right") for joint in _ARM)
)
_LARGEST = 4096  # pixels of an image, either way
_SUBPIXEL = 3  # cv2 takes coordinates in 1/8 pixel


@dataclass(frozen=True)
class Style:
    """How a skeleton is drawn. Sizes in pixels."""

    height: int = 192
    width: int = 108
    line_width: int = 2
    framing: str = "image"  # image: where the person stood; person: centred and scaled to what is drawn
    limbs: str = "all"  # all, or legs: trunk, legs and feet

    def __post_init__(self) -> None:
        if self.height < 8 or self.width < 8:
            raise UserError(
                f"skeleton.height and skeleton.width must be 8 or more, got {self.height} x {self.width}"
            )
        if max(self.height, self.width) > _LARGEST:
            raise UserError(
                f"skeleton.height and skeleton.width must be {_LARGEST} or less, "
                f"got {self.height} x {self.width}"
            )
        if not 1 <= self.line_width <= self.height:
            raise UserError(f"skeleton.line_width must be 1 to skeleton.height, got {self.line_width}")
        if self.limbs not in ("all", "legs"):
            raise UserError(f"skeleton.limbs must be all or legs, got {self.limbs!r}")
        if self.framing not in ("image", "person"):
            raise UserError(f"skeleton.framing must be image or person, got {self.framing!r}")


def pixels(table: LandmarkTable, style: Style) -> np.ndarray:
    """(n, 36, 2) float32: where each landmark and the three middles lie in the image, x then y, in pixels.

    With framing `image` the whole frame is fitted into the image without distortion. With `person` all
    frames of a squat share one scale and centre, from the extent of what is drawn over the squat, so that
    how far the body sinks stays visible.
    """
    xy = table.landmarks[:, :, :2] * np.stack([table.aspect, np.ones_like(table.aspect)], axis=1)[:, None]
    size = np.array([style.width, style.height], np.float32)
    if style.framing == "image":
        extent = np.stack([table.aspect, np.ones_like(table.aspect)], axis=1)
        centre = extent / 2
        scale = (size / extent).min(axis=1)
    else:
        centre, scale = _body_frames(xy[:, _landmarks(style)], table.squat, size)
    xy = (xy - centre[:, None]) * scale[:, None, None] + size / 2
    return with_middles(xy).astype(np.float32)


def with_middles(xy: np.ndarray) -> np.ndarray:
    """(n, 36, 2) of places (n, 33, 2) of the landmarks: the three middles come last."""
    middles = [(xy[:, INDEX[a]] + xy[:, INDEX[b]]) / 2 for a, b in _MIDDLES]
    return np.concatenate([xy, np.stack(middles, axis=1)], axis=1)


def _landmarks(style: Style) -> list[int]:
    """Those that limbs are drawn to."""
    if style.limbs == "all":
        return list(range(len(NAMES)))
    return sorted({point for i in LEGS for point in LIMBS[i]} - {NECK, HEAD, PELVIS})


def _body_frames(xy: np.ndarray, squats: np.ndarray, size: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Centre (n, 2) and scale (n,) that put each squat's body into 90 % of the image."""
    centre = np.empty((len(xy), 2), np.float32)
    scale = np.empty(len(xy), np.float32)
    for squat in np.unique(squats):
        rows = squats == squat
        low, high = xy[rows].min(axis=(0, 1)), xy[rows].max(axis=(0, 1))
        centre[rows] = (low + high) / 2
        scale[rows] = (0.9 * size / np.maximum(high - low, 1e-3)).min()
    return centre, scale


def draw(points: np.ndarray, style: Style, dropped: np.ndarray | None = None) -> np.ndarray:
    """Images (n, height, width, 3) uint8, RGB, of points (n, 36, 2) in pixels.

    dropped: (n, limbs) bool, limbs that are left out.
    """
    import cv2

    images = np.zeros((len(points), style.height, style.width, 3), np.uint8)
    # A point far outside would overflow cv2's integers; the line to it leaves the image either way.
    fixed = np.round(points.clip(-2 * _LARGEST, 2 * _LARGEST) * (1 << _SUBPIXEL)).astype(np.int32)
    for i, image in enumerate(images):
        place = fixed[i].tolist()  # not all at once: Python's collector goes through every list it sees
        for limb, (a, b) in enumerate(LIMBS):
            if (style.limbs == "all" or limb in LEGS) and (dropped is None or not dropped[i, limb]):
                cv2.line(image, place[a], place[b], COLOURS[limb], style.line_width, cv2.LINE_AA, _SUBPIXEL)
    return images
