"""The geometry of a body's parts: x to its left, y up, z forward; radians."""

import numpy as np


def two_bones(
    start: np.ndarray, end: np.ndarray, first: float, second: float, pole: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The middle joint of two bones from `start` to `end`, bent toward `pole`; all (n, 3).

    An `end` out of reach is drawn in; the end that was reached comes second.
    """
    axis = end - start
    distance = np.linalg.norm(axis, axis=1, keepdims=True)
    axis = axis / distance
    distance = np.clip(distance, abs(first - second) * 1.001, (first + second) * 0.9995)
    along = (first**2 - second**2 + distance**2) / (2 * distance)
    aside = np.sqrt(np.maximum(first**2 - along**2, 0))
    bend = pole - np.sum(pole * axis, axis=1, keepdims=True) * axis
    bend = bend / np.linalg.norm(bend, axis=1, keepdims=True)
    return start + along * axis + aside * bend, start + distance * axis


def toes_lifted(heel: np.ndarray, front: np.ndarray, toes: np.ndarray, pitch: np.ndarray) -> np.ndarray:
    """A point of the foot (n, 3), turned up about the heel where the toes are lifted."""
    along, high = np.sum((front - heel) * toes, axis=1), (front - heel)[:, 1]
    sin, less = np.sin(pitch), np.cos(pitch) - 1
    moved = front + (along * less - high * sin)[:, None] * toes
    moved[:, 1] += along * sin + high * less
    return moved


def turned(vectors: np.ndarray, turn: np.ndarray) -> np.ndarray:
    """Vectors (n, 3) turned about the vertical, to the body's left."""
    sin, cos = np.sin(turn), np.cos(turn)
    x, y, z = vectors.T
    return np.stack([cos * x + sin * z, y, cos * z - sin * x], axis=1)


def leaning(lean: np.ndarray, tilt: np.ndarray) -> np.ndarray:
    """(n, 3) the direction of a trunk that leans forward and is tilted to the left."""
    return np.stack([np.sin(tilt), np.cos(lean) * np.cos(tilt), np.sin(lean) * np.cos(tilt)], axis=1)
