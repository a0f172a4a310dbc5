"""The picture of how far a probability means what it says."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deepsquat.evaluation.calibration import calibration_error
from deepsquat.evaluation.reliability import BINS, reliability
from deepsquat.runs.pictures import TRAIN, figure, write
from deepsquat.trainer.predictions import Predictions


@dataclass(frozen=True)
class Said:
    """Of squats (n,): the probability of good form, the label, and the subject, or the video."""

    p_good: np.ndarray
    label: np.ndarray
    group: np.ndarray


def said_of(found: Predictions) -> Said:
    """Of a run's squats of one part."""
    label, p_good = found.per_squat()
    known = all(item.subject for item in found.squats)
    return Said(p_good, label, np.array([item.subject if known else item.video for item in found.squats]))


def draw_reliability(path: Path, said: Mapping[str, Said], title: str = "") -> None:
    """One panel a name: what was said against what came true, and bars for how many squats that was."""
    made, axes = figure(columns=len(said), size=(4.0, 4.4))
    for axis, (name, one) in zip(axes[0], said.items(), strict=True):
        bins = reliability(one.p_good, one.label, one.group)
        x, y = np.array([b.said for b in bins]), np.array([b.good for b in bins])
        most = max(b.squats for b in bins)
        places = [(int(min(b.said * BINS, BINS - 1)) + 0.5) / BINS for b in bins]
        axis.bar(places, [0.2 * b.squats / most for b in bins], width=0.9 / BINS, color="#d9d9d9")
        axis.plot([0, 1], [0, 1], "--", color="#808080", linewidth=1)
        ends = np.array([[b.good - b.low for b in bins], [b.high - b.good for b in bins]])
        axis.errorbar(x, y, yerr=ends, fmt="o-", color=TRAIN, capsize=3, linewidth=1)
        axis.set_title(
            f"{name}\n{len(one.label)} squats, error {calibration_error(one.p_good, one.label):.3f}"
        )
        axis.set_xlabel(f"probability of good form (bars: squats, {most} at most)")
        axis.set_xlim(0, 1)
        axis.set_ylim(0, 1.02)
    axes[0][0].set_ylabel("share that is good, with 95 % interval")
    made.suptitle(title)
    write(made, path)
