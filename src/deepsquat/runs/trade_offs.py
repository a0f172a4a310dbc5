"""The picture of a study of several objectives: two of them at a time, and the trials that nothing beats."""

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from deepsquat.runs import pictures
from deepsquat.runs.trials import DONE, RING, make_log, metrics_of, spans_much

NAMED = 8  # trade-offs at most whose trials' numbers are written beside them


def write(path: Path, study: Any) -> None:
    """Writes a panel for each two objectives."""
    made = draw(study)
    made.suptitle(study.study_name, fontsize=10)
    pictures.write(made, path)


def draw(study: Any) -> Any:
    """Of a study with complete trials; a trial is best where no other is better in one and as good in all."""
    names = metrics_of(study)
    done = [t for t in study.get_trials(deepcopy=False) if t.state.name == "COMPLETE"]
    best = study.best_trials
    pairs = list(combinations(range(len(names)), 2))
    made, axes = pictures.figure(len(pairs), (4.6, 4.0))
    for axis, (one, two) in zip(axes.flat, pairs, strict=True):
        _panel(axis, _values(done, one, two), _values(best, one, two))
        if len(best) <= NAMED:
            for trial, place in zip(best, _values(best, one, two), strict=True):
                axis.annotate(str(trial.number), place, xytext=(8, 6), textcoords="offset points", fontsize=8)
        for which, i in (("x", one), ("y", two)):
            getattr(axis, f"set_{which}label")(f"{names[i]}, {study.directions[i].name.lower()}d")
    handles = axes.flat[0].get_legend_handles_labels()
    made.legend(*handles, loc="outside lower center", ncols=2, fontsize=8)
    return made


def _values(trials: Sequence[Any], one: int, two: int) -> np.ndarray:
    """(n, 2) of two of the objectives."""
    return np.array([[trial.values[one], trial.values[two]] for trial in trials]).reshape(-1, 2)


def _panel(axis: Any, done: np.ndarray, best: np.ndarray) -> None:
    axis.plot(*done.T, "o", color=DONE, label="complete")
    axis.plot(*best.T, label="no other is better in all", **{**RING, "markersize": 11})
    for which, values in (("x", done[:, 0]), ("y", done[:, 1])):
        if spans_much(list(values)):
            make_log(axis, which, values[np.isfinite(values)])
    axis.margins(0.1)
    axis.grid(alpha=0.3)
