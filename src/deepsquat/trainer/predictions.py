"""What a trained network says of every image, and how often it is right."""

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from deepsquat.trainer.batches import Part


@dataclass(frozen=True)
class Predictions:
    """One row an image of one part, fixed copies included, in the part's order."""

    row: np.ndarray  # (m,) into the stack of (copies * frames) images
    squat: np.ndarray  # (m,) number of the squat in the part
    label: np.ndarray  # (m,) 0 or 1
    p_good: np.ndarray  # (m,) float32

    def per_squat(self) -> tuple[np.ndarray, np.ndarray]:
        """Label and mean probability of good form of each squat."""
        count = np.bincount(self.squat)
        return (
            (np.bincount(self.squat, self.label) / count).round().astype(int),
            np.bincount(self.squat, self.p_good) / count,
        )


def predictions(part: Part, p_good: Tensor) -> Predictions:
    """What was said of each image of the part, in its order."""
    return Predictions(part.rows.numpy(), part.squat.numpy(), part.label.numpy(), p_good.cpu().numpy())


def confusion(label: np.ndarray, p_good: np.ndarray) -> np.ndarray:
    """(2, 2) counts: rows the label, good first; columns what was predicted, good first."""
    predicted = p_good > 0.5
    return np.array([[np.sum((label == t) & (predicted == p)) for p in (1, 0)] for t in (1, 0)])


def wilson_interval(right: int, n: int) -> tuple[float, float]:
    """The 95 % interval of a proportion (Wilson, 1927)."""
    z = 1.959964
    centre = (right + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * (right * (n - right) / n + z * z / 4) ** 0.5
    return max(0.0, centre - half), min(1.0, centre + half)
