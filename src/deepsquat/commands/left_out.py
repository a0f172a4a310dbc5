"""Real people whom a network's trainings left out in turn: what their squats say of its probabilities."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from deepsquat.commands.earlier import config_of_run
from deepsquat.commands.train import chosen
from deepsquat.errors import UserError
from deepsquat.evaluation import out_of_fold
from deepsquat.evaluation.calibration import fitted
from deepsquat.evaluation.out_of_fold import Squats
from deepsquat.evaluation.scores import Scores
from deepsquat.measures import view_of
from deepsquat.runs import owner
from deepsquat.runs.choices import Choices

_LEAST_SLOPE = 0.05  # of a network that ranks no better than chance; a temperature is 20 at most


@dataclass(frozen=True)
class LeftOut:
    """The squats of an evaluation over folds, whose logits are the mean over its seeds."""

    run_id: str
    choices: Choices
    squats: Squats

    def views(self) -> dict[str, np.ndarray]:
        """Which squats (n,) are seen from where, the front first; all of them where no camera is named.

        A source with several cameras adds them to the names of its squats: NAME@30 is seen at a yaw of 30.
        """
        ends = [name.rpartition("@") for name in self.squats.squat.tolist()]
        if not all(at for _, at, _ in ends):
            return {"all": np.ones(len(ends), bool)}
        yaw = np.array([float(end) for _, _, end in ends])
        seen = np.array([view_of(one) for one in yaw])
        order = sorted(set(seen.tolist()), key=lambda name: float(np.abs(yaw[seen == name]).min()))
        return {name: seen == name for name in order}

    def scores(self, rows: np.ndarray) -> Scores:
        """Of some squats; a subject is another one for each camera, so that like is compared with like."""
        found = self.squats.scores
        ends = [name.rpartition("@") for name in self.squats.squat.tolist()]
        people = zip(found.subject.tolist(), ends, strict=True)
        subject = np.array([f"{who}@{camera}" if at else who for who, (_, at, camera) in people])
        return Scores(found.score[rows], found.label[rows], subject[rows], found.reference[rows])


def left_out(folder: Path) -> LeftOut:
    """What an evaluation over folds kept in its folder.

    Raises:
        UserError: it is none, or not complete.
    """
    files = folder / "files"
    path = files / "out_of_fold.csv"
    run_id = owner.owner(folder)
    if not run_id or not path.is_file():
        raise UserError(
            f"folds={folder}: holds no evaluation over folds that is complete; python src/train.py with "
            "evaluation=kfold says where it keeps its own"
        )
    choices = chosen(config_of_run(files / "config.yaml", f"folds={folder}"))
    squats = out_of_fold.over_seeds(out_of_fold.read(path))
    kept = ~squats.scores.reference
    squats = replace(
        squats,
        squat=squats.squat[kept],
        scores=Scores(squats.scores.score[kept], squats.scores.label[kept], squats.scores.subject[kept]),
        fold=squats.fold[kept],
        group=squats.group[kept],
    )
    return LeftOut(run_id, choices, squats)


def calibrated(real: Scores, made_up: Scores) -> tuple[float, float]:
    """Slope and offset of a logit by real squats and made-up ones, each kind with as much weight.

    Real ones alone are those of few people by one standard; made-up ones alone are too good to be real.
    """
    source = np.repeat([0, 1], [len(real.score), len(made_up.score)])
    score = np.concatenate([real.score, made_up.score])
    label = np.concatenate([real.label, made_up.label])
    slope, offset = fitted(score, label, source)
    return max(slope, _LEAST_SLOPE), offset


def by_the_others(real: Squats, made_up: Scores) -> np.ndarray:
    """Probabilities (n,) of real squats, each calibrated on the other groups and the made-up squats."""
    found, scores = np.zeros(len(real.group)), real.scores
    for name in np.unique(real.group):
        own = real.group == name
        others = Scores(scores.score[~own], scores.label[~own], scores.subject[~own])
        slope, offset = calibrated(others, made_up)
        found[own] = out_of_fold.probabilities(slope * scores.score[own] + offset)
    return found
