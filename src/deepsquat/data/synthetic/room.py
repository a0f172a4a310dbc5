"""The room around the subject: a wall, a floor and the camera, drawn once a video."""

from collections.abc import Callable

import cv2
import numpy as np

from deepsquat.data.camera import Camera, around
from deepsquat.data.synthetic.render import Scene

# Degrees from the front, to either side, by who is filmed. Of people who are alike: round enough to see a
# bent back, not so far as to hide a leg.
YAW = {"various": (0, 90), "alike": (20, 40)}
AHEAD = 0.1  # metres before the ankles that the camera aims at: the middle of a squatting body


def drawn_scene(
    rng: np.random.Generator, width: int, rows: int, height: float, yaw_range: tuple[float, float]
) -> Scene:
    """A random room, the camera so that a subject of `height` metres fills 58 to 67 % of the picture.

    yaw_range: degrees from the front, to either side.
    """
    distance = rng.uniform(3.3, 4.3)
    yaw = float(np.deg2rad(rng.uniform(*yaw_range)) * rng.choice([-1, 1]))
    aim = (AHEAD, 0.0, 0.5 * height)
    position = around(aim, yaw, distance, rng.uniform(0.85, 1.3))
    focal = rng.uniform(0.58, 0.67) * rows * distance / height
    camera = Camera(position, aim, focal, width, rows)
    light = (float(rng.choice([-1, 1]) * rng.uniform(0.3, 0.8)), -float(rng.uniform(0.4, 0.9)))
    return Scene(camera, light, _background(rng, camera, light))


def _background(rng: np.random.Generator, camera: Camera, light: tuple[float, float]) -> np.ndarray:
    rows, width = camera.height, camera.width
    wall = np.array([1.0, 1.0, 1.0]) * rng.uniform(165, 225) + rng.uniform(-14, 14, 3)
    picture = np.ones((rows, width, 3)) * wall
    back = -rng.uniform(1.0, 2.0)  # the wall, metres behind the subject

    up, right = np.array([0.0, 0.0, 1.0]), camera.axes[0]
    nearer = np.cross(right, up)  # along the floor toward the camera

    def pixel(x: float, y: float, ahead: float) -> tuple[int, int]:
        """A place in the room; its walls are square to the camera, whatever way the subject faces."""
        at, _ = camera.project(x * right + ahead * nearer + y * up)
        return round(float(at[0])), round(float(at[1]))

    if rng.random() < 0.7:
        _frame_on_wall(rng, picture, pixel, back)
    edge = pixel(0, 0, back)[1]
    floor = wall * rng.uniform(0.55, 0.8) + rng.uniform(-12, 12, 3)
    picture[edge:] = floor
    for x in np.arange(-6, 6, rng.uniform(0.3, 0.7)):
        near, far = pixel(x, 0, 1.6), pixel(x, 0, back)
        cv2.line(picture, far, near, (floor * 0.93).tolist(), 1, cv2.LINE_AA)
    skirting = pixel(0, rng.uniform(0.06, 0.12), back)[1]
    picture[skirting:edge] = wall * rng.uniform(0.8, 1.12)
    centre = pixel(0, 0, 0)
    shadow = np.zeros((rows, width))
    metre = camera.focal / np.hypot(camera.position[0] - AHEAD, camera.position[1])  # pixels
    axes = (int(0.33 * metre), int(0.10 * metre))
    cv2.ellipse(shadow, centre, axes, 0, 0, 360, 0.35, -1)
    soft = cv2.GaussianBlur(shadow, (0, 0), rows / 90)
    down, right = np.mgrid[0:rows, 0:width] / rows
    glow = 1.0 + 0.16 * (light[0] * (right - 0.3) + light[1] * (down - 0.5))
    picture *= (glow * (1 - soft))[..., None]
    picture += rng.normal(
        0, 1.5, (rows, width, 1)
    )  # the sensor's fixed grain costs bytes once, not every frame
    return np.clip(picture, 0, 255).astype(np.uint8)


def _frame_on_wall(
    rng: np.random.Generator,
    picture: np.ndarray,
    pixel: Callable[[float, float, float], tuple[int, int]],
    back: float,
) -> None:
    """A picture or a window, to one side."""
    x, y = rng.choice([-1, 1]) * rng.uniform(0.5, 0.9), rng.uniform(1.3, 1.8)
    half, high = rng.uniform(0.2, 0.4), rng.uniform(0.2, 0.45)
    colour, rim = rng.uniform(90, 235, 3).tolist(), rng.uniform(60, 220, 3).tolist()
    upper, lower = pixel(x - half, y + high, back), pixel(x + half, y - high, back)
    cv2.rectangle(picture, upper, lower, colour, -1)
    cv2.rectangle(picture, upper, lower, rim, 6)
