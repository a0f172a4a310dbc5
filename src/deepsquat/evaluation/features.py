"""What the baselines are given of an image: numbers from the very landmarks that it was drawn from."""

import numpy as np

from deepsquat.landmarks import INDEX

# Without the face and the hands, which have no part in a squat's form.
_JOINTS = [
    INDEX[f"{side}_{joint}"]
    for side in ("left", "right")
    for joint in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle", "heel", "foot_index")
]


def in_heights(landmarks: np.ndarray, aspect: np.ndarray) -> np.ndarray:
    """(n, 33, 3): right, up and away from the camera, in heights of the frame, of landmarks (n, 33, 4)."""
    wide = aspect[:, None]
    return np.stack([landmarks[..., 0] * wide, -landmarks[..., 1], landmarks[..., 2] * wide], axis=-1)


def raw_landmarks(points: np.ndarray) -> np.ndarray:
    """(n, 32): where 16 joints lie in the picture, from the hips' middle, in shanks; of points (n, 33, 3)."""
    points = points[..., :2]
    middle = (points[:, INDEX["left_hip"]] + points[:, INDEX["right_hip"]]) / 2
    found = (points[:, _JOINTS] - middle[:, None]) / _shank(points)[:, None, None]
    return found.reshape(len(points), -1)


def framing(points: np.ndarray) -> np.ndarray:
    """(n, 3): where the feet stand in the frame, right and up, and how large the figure is; of (n, 33, 3).

    In steps of a fiftieth of the frame's height, and of a tenth of the size, which is the shank's true
    length, however it is turned: so that nothing is seen of how the body moves.
    """
    feet = (points[:, INDEX["left_ankle"]] + points[:, INDEX["right_ankle"]]) / 2
    size = np.log(_shank(points)) / np.log(1.1)
    return np.concatenate([(feet[:, :2] * 50).round(), size.round()[:, None]], axis=1)


def seen_measures(points: np.ndarray) -> np.ndarray:
    """(n, 10): what a coach measures, as it looks from the camera; of points (n, 33, 3), without their depth.

    Lengths in shanks, angles in radians: the hips' height over the knees'; the trunk's length, its lean, and
    how far the shoulders are from the feet, sideways; the bend of knees and of hips; the knees' distance, and
    how much wider than the ankles' it is; how far they are past the toes; and the tilt of the shoulders.
    """
    points = points[..., :2]

    def both(name: str) -> np.ndarray:
        return points[:, [INDEX[f"left_{name}"], INDEX[f"right_{name}"]]]

    hip, knee, ankle, shoulder = (both(name) for name in ("hip", "knee", "ankle", "shoulder"))
    toe = both("foot_index")
    shank = _shank(points)
    trunk = (shoulder - hip).mean(axis=1)
    ahead = np.sign((toe - both("heel"))[..., 0].mean(axis=1))  # which way the feet point in the picture
    knees, ankles = _length(knee[:, 0] - knee[:, 1]), _length(ankle[:, 0] - ankle[:, 1])
    return np.stack(
        [
            (hip - knee)[..., 1].mean(axis=1) / shank,
            _length(trunk) / shank,
            np.arctan2(np.abs(trunk[:, 0]), trunk[:, 1]),
            np.abs((shoulder - ankle)[..., 0].mean(axis=1)) / shank,
            _angle(hip - knee, ankle - knee).mean(axis=1),
            _angle(shoulder - hip, knee - hip).mean(axis=1),
            knees / shank,
            (knees - ankles) / shank,
            ahead * (knee - toe)[..., 0].mean(axis=1) / shank,
            (shoulder[:, 0] - shoulder[:, 1])[:, 1] / shank,
        ],
        axis=1,
    )


def _shank(points: np.ndarray) -> np.ndarray:
    """(n,) the mean of both, never 0."""
    both = [
        _length(points[:, INDEX[f"{s}_knee"]] - points[:, INDEX[f"{s}_ankle"]]) for s in ("left", "right")
    ]
    return np.maximum(np.mean(both, axis=0), 1e-6)


def _length(vectors: np.ndarray) -> np.ndarray:
    return np.linalg.norm(vectors, axis=-1)


def _angle(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.arccos(np.clip((a * b).sum(axis=-1) / np.maximum(_length(a) * _length(b), 1e-12), -1, 1))
