"""What saying "cannot tell" costs and gains: how many squats are told, and how many of these are right."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

MARGINS = tuple(round(0.02 * k, 2) for k in range(26))  # 0 to 0.5


@dataclass(frozen=True)
class Told:
    """Shares: of squats, those so far from the threshold or farther; of these, the right ones."""

    margin: float
    told: float
    right: float  # NaN where none is told


def curve(p_good: np.ndarray, label: np.ndarray, threshold: float) -> list[Told]:
    """p_good, label: (n,) of squats, labels 0 or 1. threshold: from which on a squat is called good."""
    right = (p_good >= threshold) == (label == 1)
    found = []
    for margin in MARGINS:
        told = np.abs(p_good - threshold) >= margin
        found.append(
            Told(margin, float(told.mean()), float(right[told].mean()) if told.any() else float("nan"))
        )
    return found


def rows(curves: Mapping[str, Sequence[Told]]) -> list[tuple[str, str, str, str]]:
    """One a source and margin, to be written as a table: source, margin, told, right."""
    return [
        (name, f"{one.margin:.2f}", f"{one.told:.3f}", f"{one.right:.3f}")
        for name, points in curves.items()
        for one in points
    ]
