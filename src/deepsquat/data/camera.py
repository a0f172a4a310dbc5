"""A pinhole camera anywhere in the room, and the landmarks that it would see.

Metres; x to where the subject faces, y to the subject's left, z up from the floor.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

Point = tuple[float, float, float]

_UP = np.array([0.0, 0.0, 1.0])
_NEAR_M = 0.1  # nothing closer to the lens than this becomes a landmark


def around(place: Point, yaw: float, distance: float, height: float) -> Point:
    """A position on the circle of `distance` metres around `place`, `height` metres above the floor.

    yaw is in radians: 0 straight in front, positive towards the subject's left, pi / 2 the left side.
    """
    return place[0] + distance * math.cos(yaw), place[1] + distance * math.sin(yaw), height


@dataclass(frozen=True)
class Camera:
    """Upright, at `position`, with `aim` in the middle of its picture.

    Raises:
        ValueError: it looks straight up or down, where nothing says which way its picture is turned.
    """

    position: Point
    aim: Point
    focal: float  # pixels
    width: int  # pixels
    height: int

    def __post_init__(self) -> None:
        if self.aim[:2] == self.position[:2]:
            raise ValueError(f"a camera at {self.position} cannot aim straight up or down, at {self.aim}")

    @cached_property
    def axes(self) -> np.ndarray:
        """(3, 3) unit vectors: the picture's right, its down, and the way into it."""
        forward = np.subtract(self.aim, self.position)
        forward = forward / np.linalg.norm(forward)
        right = np.cross(forward, _UP)
        right = right / np.linalg.norm(right)
        return np.stack([right, np.cross(forward, right), forward])

    def project(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pixels (..., 2), right and down from the upper left corner, and depths (...) in metres.

        points: (..., 3). One behind the camera has a negative depth, and pixels that mean nothing.
        """
        seen = (points - np.asarray(self.position)) @ self.axes.T
        depth = seen[..., 2]
        middle = np.array([self.width / 2, self.height / 2])
        return middle + self.focal * seen[..., :2] / depth[..., None], depth

    def landmarks(self, points: np.ndarray, hips: np.ndarray) -> np.ndarray:
        """What a perfect pose estimator would say.

        Args:
            points: (n, k, 3).
            hips: (n, 3) the midpoint of the hips, where depth is 0.

        Returns:
            (n, k, 4) x and y as fractions of the picture's width and height, the depth from the hips as a
            fraction of its width (negative is nearer), visibility 1. NaN where a point was NaN or is not in
            front of the camera.
        """
        pixels, depth = self.project(points)
        hip_depth = self.project(hips)[1][:, None]
        depth = np.where(depth > _NEAR_M, depth, np.nan)
        pixels = np.where(np.isnan(depth)[..., None], np.nan, pixels)
        return np.stack(
            [
                pixels[..., 0] / self.width,
                pixels[..., 1] / self.height,
                self.focal / self.width * (depth - hip_depth) / hip_depth,
                np.ones_like(depth),
            ],
            axis=-1,
        )
