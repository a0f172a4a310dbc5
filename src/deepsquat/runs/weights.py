"""Which trials of a sweep keep their network: in its folder, and nowhere else."""

from collections.abc import Iterable
from pathlib import Path

from optuna import Study
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from deepsquat.trainer import checkpoint

_FILES = (checkpoint.LAST, checkpoint.BEST, checkpoint.TESTED)


def tidy(folder: Path, study: Study, most: int) -> None:
    """Takes the weights of all but the best trials out of a study's folder.

    What runs, or may be resumed from its checkpoint, keeps it. Of several objectives the best are all trials
    that no other beats in each of them.
    """
    trials = study.get_trials(deepcopy=False)
    for number in sorted(_settled(trials) - _best(study, trials, most)):
        for path in _weights(folder / str(number)):
            path.unlink(missing_ok=True)


def _best(study: Study, trials: Iterable[FrozenTrial], most: int) -> set[int]:
    if len(study.directions) > 1:
        return {trial.number for trial in study.best_trials}
    sign = -1 if study.direction == StudyDirection.MAXIMIZE else 1
    done = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    ranked = sorted(done, key=lambda trial: (sign * trial.values[0], trial.number))
    return {trial.number for trial in ranked[:most]}


def _settled(trials: Iterable[FrozenTrial]) -> set[int]:
    """Trials that nobody goes on from: they have ended well, or a later attempt at their point has."""
    found: set[int] = set()
    for trial in trials:
        if trial.state in (TrialState.COMPLETE, TrialState.PRUNED):
            found |= {trial.number, *trial.user_attrs.get("earlier", ())}
    return found


def _weights(folder: Path) -> Iterable[Path]:
    """Of a trial, or of the folds below it."""
    return [path for name in _FILES for path in (folder / name, *folder.glob(f"*/{name}"))]
