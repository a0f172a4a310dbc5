"""Where the camera stands: any side, near and far, low and high, upright and wide pictures."""

from dataclasses import dataclass, fields

import numpy as np

from deepsquat.data.camera import Camera, around
from deepsquat.data.synthetic.body import POINT, in_room
from deepsquat.errors import UserError

_ASPECTS = (9 / 16, 3 / 4, 1.0, 4 / 3, 16 / 9)
_ROWS = 1000


@dataclass(frozen=True)
class View:
    """Ranges, from the least to the most, that a camera is drawn from."""

    yaw: tuple[float, float] = (-180.0, 180.0)  # degrees; 0 front, positive towards the subject's left
    distance: tuple[float, float] = (2.0, 6.0)  # metres
    height: tuple[float, float] = (0.3, 1.8)  # metres of the lens above the floor
    fill: tuple[float, float] = (0.35, 0.9)  # of the picture's smaller side by the body's larger
    roll: float = 2.0  # degrees, standard deviation: nobody holds it quite level

    def __post_init__(self) -> None:
        limits = {"yaw": (-360, 360), "distance": (1, 50), "height": (0.05, 5), "fill": (0.05, 1)}
        for field in fields(self):
            if field.name not in limits:
                continue
            values, (least, most) = tuple(getattr(self, field.name)), limits[field.name]
            object.__setattr__(self, field.name, values)  # a config has lists, which cannot be hashed
            low, high = values if len(values) == 2 else (most, least)
            if not least <= low <= high <= most:
                raise UserError(
                    f"data.view.{field.name} must be two numbers from {least} to {most}, the smaller first"
                )
        if not 0 <= self.roll <= 45:
            raise UserError(f"data.view.roll must be 0 to 45, got {self.roll}")


@dataclass(frozen=True)
class Placed:
    """A camera, how its picture is turned, and where the body stands in it."""

    camera: Camera
    yaw: float  # degrees, as View has it
    roll: float  # radians
    centre: np.ndarray  # (2,) of the body's box, fractions of the picture's width and height

    @property
    def aspect(self) -> float:
        return self.camera.width / self.camera.height

    def landmarks(self, joints: np.ndarray) -> np.ndarray:
        """What a perfect estimator says of joints (n, 33 or more, 3), x left, y up, z forward: (n, 33, 4)."""
        turned = in_room(joints[:, :33])
        hips = turned[:, [POINT["left_hip"], POINT["right_hip"]]].mean(axis=1)
        seen = self.camera.landmarks(turned, hips)
        sizes = np.array([self.aspect, 1.0])
        xy = (seen[..., :2] - 0.5) * sizes
        sin, cos = np.sin(self.roll), np.cos(self.roll)
        xy = xy @ np.array([[cos, sin], [-sin, cos]])
        box = (xy.min(axis=(0, 1)) + xy.max(axis=(0, 1))) / 2
        seen[..., :2] = (xy - box) / sizes + self.centre
        return seen


def placed_camera(rng: np.random.Generator, view: View, joints: np.ndarray) -> Placed:
    """A camera by chance that looks at the body."""
    yaw = rng.uniform(*view.yaw)
    distance, height = rng.uniform(*view.distance), rng.uniform(*view.height)
    aspect = _ASPECTS[rng.integers(len(_ASPECTS))]
    low, high = joints[:, :33].min(axis=(0, 1)), joints[:, :33].max(axis=(0, 1))
    middle = (low + high) / 2
    aim = (float(middle[2]), float(middle[0]), float(middle[1]))
    extent = float(np.max(high - low))
    side = min(aspect, 1.0) * _ROWS
    focal = rng.uniform(*view.fill) * side * distance / extent
    camera = Camera(around(aim, np.deg2rad(yaw), distance, height), aim, focal, round(aspect * _ROWS), _ROWS)
    room = 0.5 - 0.5 * focal * extent / distance / (_ROWS * np.array([aspect, 1.0]))
    centre = 0.5 + rng.uniform(-1, 1, 2) * np.maximum(room, 0)
    return Placed(camera, yaw, float(np.deg2rad(rng.normal(0, view.roll))), centre)
