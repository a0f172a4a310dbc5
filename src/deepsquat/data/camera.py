"""A virtual pinhole camera in portrait format, and the landmarks it would see."""

import math
from dataclasses import dataclass

import numpy as np

ASPECT = 9 / 16  # width over height, a phone held upright
AIM_M = 1.15  # metres above the floor: the middle of a tall person with raised arms, who reaches 2.3 m
# Metres seen from bottom to top at the subject. A tall person would fit into 2.6 of them, but then hands
# that are spread wide at the bottom of the squat would be cut off at the sides.
FIELD_M = 3.2

_NEAR_M = 0.1  # nothing closer to the lens than this is projected


@dataclass(frozen=True)
class Camera:
    """Stands on a circle around the subject, who faces +x with the left hand towards +y and z up.

    yaw is in degrees: 0 straight in front, positive towards the subject's left, 90 the left side. height
    and distance are metres. The focal length follows from the distance so that FIELD_M fills the picture's
    height: the subject's size in the picture stays, and distance changes the perspective only.
    """

    yaw: float
    height: float
    distance: float

    def landmarks(self, points: np.ndarray, feet: np.ndarray, hips: np.ndarray) -> np.ndarray:
        """What a perfect pose estimator would say.

        Args:
            points: (n, k, 3) metres, z up from the floor.
            feet: (3,) the subject's place on the floor, at which the camera aims.
            hips: (n, 3) the midpoint of the hips, where depth is 0.

        Returns:
            (n, k, 4) x and y as fractions of the picture's width and height, the depth from the hips as a
            fraction of its width (negative is nearer), visibility 1. NaN where a point was NaN or is not in
            front of the camera.
        """
        turn = math.radians(self.yaw)
        aim = np.array([feet[0], feet[1], AIM_M])
        ahead, aside = self.distance * math.cos(turn), self.distance * math.sin(turn)
        place = np.array([feet[0] + ahead, feet[1] + aside, self.height])
        forward = (aim - place) / np.linalg.norm(aim - place)
        right = np.array([-math.sin(turn), math.cos(turn), 0.0])
        axes = np.stack([right, np.cross(forward, right), forward])  # rows: picture's right, down, depth

        seen = (points - place) @ axes.T
        depth = np.where(seen[..., 2] > _NEAR_M, seen[..., 2], np.nan)
        hip_depth = ((hips - place) @ axes.T)[:, None, 2]
        focal = np.linalg.norm(aim - place) / FIELD_M  # in picture heights
        return np.stack(
            [
                0.5 + focal / ASPECT * seen[..., 0] / depth,
                0.5 + focal * seen[..., 1] / depth,
                focal / ASPECT * (depth - hip_depth) / hip_depth,
                np.ones_like(depth),
            ],
            axis=-1,
        )
