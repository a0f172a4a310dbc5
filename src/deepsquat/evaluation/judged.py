"""What a champion says of the labelled squats of one source."""

from dataclasses import dataclass, fields

import numpy as np
import torch

from deepsquat.champion import Champion
from deepsquat.evaluation.scores import Scores
from deepsquat.images import Images
from deepsquat.landmarks import unknown_measures
from deepsquat.trainer.form import Form

_AT_ONCE = 500  # images


@dataclass(frozen=True)
class Judged:
    """One row a squat: its mean logit after the temperature, what is true of it, and what was read."""

    scores: Scores
    measures: np.ndarray  # (n, 8) true at the bottom; NaN where unknown
    yaw: np.ndarray  # (n,) of the camera, as it is read; NaN where it is not

    def some(self, rows: np.ndarray) -> "Judged":
        found = Scores(*(getattr(self.scores, f.name)[rows] for f in fields(Scores)))
        return Judged(found, self.measures[rows], self.yaw[rows])


def unmeasured(scores: Scores) -> Judged:
    """Of squats of which nothing but the scores is known."""
    n = len(scores.score)
    return Judged(scores, unknown_measures(n), np.full(n, np.nan))


def judge(model: Champion, images: Images) -> Judged:
    """A squat's logit is the mean of those of its images."""
    rows = np.flatnonzero(images.label >= 0)
    pixels = torch.from_numpy(images.images)
    parts = np.array_split(rows, max(1, -(-len(rows) // _AT_ONCE)))
    outputs = torch.cat([model.outputs(pixels[some]) for some in parts])
    logits = model.logits(outputs).numpy()
    squats, first, number = np.unique(images.squat[rows], return_index=True, return_inverse=True)
    middle = [np.flatnonzero(number == i)[np.count_nonzero(number == i) // 2] for i in range(len(squats))]
    at = rows[first]
    scores = Scores(
        np.bincount(number, logits) / np.bincount(number),
        images.label[at].astype(int),
        images.subject[at],
        images.reference[at].astype(bool),
    )
    yaw = np.full(len(squats), np.nan)
    if isinstance(model.target, Form):
        yaw = model.target.read(outputs[middle])[1][:, -1].numpy()
    return Judged(scores, images.measures[rows[middle]], yaw)
