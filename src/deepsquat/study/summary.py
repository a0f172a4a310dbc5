"""A study of one objective as plain data, for what compares several."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import optuna
from optuna.trial import TrialState

from deepsquat.errors import UserError
from deepsquat.study.points import how

_FEWEST = 8  # complete trials; fewer say nothing of what mattered


@dataclass(frozen=True)
class Summary:
    """The trials that have ended well, in the order in which they were begun."""

    name: str
    objective: str
    minimize: bool
    numbers: tuple[int, ...]  # of the trials that are complete
    values: np.ndarray  # (n,) their objective
    pruned: int
    failed: int
    best: Mapping[str, Any]  # the best trial's values of what was swept, exact
    importances: Mapping[str, float]  # of what was swept, together 1; empty where too few trials say

    @property
    def best_so_far(self) -> np.ndarray:
        """(n,) the best value of the first trials."""
        return np.minimum.accumulate(self.values) if self.minimize else np.maximum.accumulate(self.values)

    @property
    def best_row(self) -> int:
        return int(np.argmin(self.values) if self.minimize else np.argmax(self.values))


def summary(study: optuna.Study) -> Summary:
    """
    Raises:
        UserError: it has several objectives, or none of its trials is complete.
    """
    name = study.study_name
    if len(study.directions) > 1:
        raise UserError(f"{name}: it has several objectives; only studies of one can be compared")
    trials = [t for t in study.get_trials(deepcopy=False) if t.user_attrs.get("ended") != "withdrawn"]
    done = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    if not done:
        raise UserError(f"{name}: none of its trials is complete; the command of the sweep resumes it")
    values = np.array([trial.value for trial in done], float)
    minimize = study.direction == optuna.study.StudyDirection.MINIMIZE
    return Summary(
        name,
        (study.metric_names or ["value"])[0],
        minimize,
        tuple(trial.number for trial in done),
        values,
        sum(trial.state == TrialState.PRUNED for trial in trials),
        sum(how(trial) == "failed" for trial in trials),
        done[int(np.argmin(values) if minimize else np.argmax(values))].params,
        importances(study),
    )


def importances(study: optuna.Study) -> dict[str, float]:
    """How much of the objective's changes each swept value accounts for, together 1; empty for few trials."""
    if sum(trial.state == TrialState.COMPLETE for trial in study.get_trials(deepcopy=False)) < _FEWEST:
        return {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return dict(optuna.importance.get_param_importances(study))
        except (ValueError, RuntimeError, ZeroDivisionError, ImportError):
            return {}  # values that are all alike, or no scikit-learn
