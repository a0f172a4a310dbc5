"""What was said of every image by somebody who had not learned from its group: a table, kept as CSV."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np

from deepsquat.errors import UserError
from deepsquat.evaluation.scores import Scores
from deepsquat.files import written_whole

NETWORK = "network"
_CLIP = 1e-6  # of a probability, before its logit


@dataclass(frozen=True)
class OutOfFold:
    """One row an image, guesser and seed; all columns have n rows."""

    guesser: np.ndarray  # (n,) str: NETWORK, or a baseline
    seed: np.ndarray  # (n,) int, of the training
    fold: np.ndarray  # (n,) int, from 0
    squat: np.ndarray  # (n,) str
    video: np.ndarray  # (n,) str
    subject: np.ndarray  # (n,) str, "" where unknown
    frame: np.ndarray  # (n,) int
    label: np.ndarray  # (n,) int, 1 good, 0 bad
    reference: np.ndarray  # (n,) int, 1: in no score
    logit: np.ndarray  # (n,) float, of good form

    def rows(self, chosen: np.ndarray) -> "OutOfFold":
        return OutOfFold(**{field.name: getattr(self, field.name)[chosen] for field in fields(self)})

    @classmethod
    def joined(cls, parts: "Sequence[OutOfFold]") -> "OutOfFold":
        """The rows of all parts, in their order."""
        return cls(**{f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(cls)})

    def of(self, guesser: str, seed: int) -> "OutOfFold":
        return self.rows((self.guesser == guesser) & (self.seed == seed))


@dataclass(frozen=True)
class Squats:
    """One guesser's answers under one seed, a row a squat, whose logit is the mean of its images'."""

    squat: np.ndarray  # (m,) str, sorted
    scores: Scores
    fold: np.ndarray  # (m,) int
    group: np.ndarray  # (m,) str: subject where every squat's is known, else video


def logits(p_good: np.ndarray) -> np.ndarray:
    """Of probabilities, kept off 0 and 1 by a millionth."""
    p = np.clip(p_good.astype(float), _CLIP, 1 - _CLIP)
    return np.log(p / (1 - p))


def probabilities(logit: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-logit))


def per_squat(found: OutOfFold) -> Squats:
    """The squats of one guesser and seed."""
    squat, first, number = np.unique(found.squat, return_index=True, return_inverse=True)
    subject = found.subject[first]
    scores = Scores(
        np.bincount(number, found.logit) / np.bincount(number),
        found.label[first],
        subject,
        found.reference[first] == 1,
    )
    group = subject if (subject != "").all() else found.video[first]
    return Squats(squat, scores, found.fold[first], group)


def over_seeds(found: OutOfFold) -> Squats:
    """The network's squats, whose logit is the mean over seeds."""
    of_seeds = [per_squat(found.of(NETWORK, seed)) for seed in np.unique(found.seed).tolist()]
    first = of_seeds[0]
    score = np.mean([one.scores.score for one in of_seeds], axis=0)
    return replace(first, scores=replace(first.scores, score=score))


def write(path: Path, found: OutOfFold) -> None:
    """As CSV, whole or not at all."""
    names = [field.name for field in fields(OutOfFold)]
    with written_whole(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(names)
        columns = [getattr(found, name).tolist() for name in names[:-1]]
        rows.writerows(zip(*columns, (f"{value:.6g}" for value in found.logit), strict=True))


def read(path: Path) -> OutOfFold:
    """What `write` wrote.

    Raises:
        UserError: it is not there, or damaged.
    """
    types = {"seed": int, "fold": int, "frame": int, "label": int, "reference": int, "logit": float}
    names = [field.name for field in fields(OutOfFold)]
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        return OutOfFold(
            **{name: np.array([row[name] for row in rows], dtype=types.get(name, str)) for name in names}
        )
    except (OSError, KeyError, TypeError, ValueError, csv.Error) as error:
        raise UserError(
            f"{path}: cannot be read, or is damaged; take its folder away and start again"
        ) from error
