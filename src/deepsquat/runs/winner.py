"""What the best of a study's trials is worth: its out-of-sample answers, corrected for the choice."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from deepsquat.errors import UserError
from deepsquat.evaluation import out_of_fold
from deepsquat.evaluation.intervals import FEWEST
from deepsquat.evaluation.scores import auc
from deepsquat.evaluation.selection import Corrected, Measure, corrected_best
from deepsquat.runs.files import PREDICTIONS, read_predictions
from deepsquat.study.beginning import origin

_FEWEST = 2  # trials, of which one can be chosen


def _right(label: np.ndarray, score: np.ndarray) -> float:
    return float(np.mean((score > 0) == (label == 1)))


MEASURES: Mapping[str, Measure] = {"squat_accuracy": _right, "squat_auc": auc}


def corrected(folder: Path, study: Any) -> dict[str, Corrected]:
    """By measure, for the trials that ended well and judged the same squats of val, or of all folds.

    Empty where there are fewer than two, or their answers are not there.
    """
    done = [origin(study, t) for t in study.get_trials(deepcopy=False) if t.state.name == "COMPLETE"]
    places = [folder.parent / where.study / str(where.trial) for where in done]
    answers = [one for place in places if (one := _answers(place / "files")) is not None]
    if len(answers) < _FEWEST or any(one[0] != answers[0][0] for one in answers):
        return {}
    _, label, group, _ = answers[0]
    said = np.stack([one[3] for one in answers])
    found = {name: corrected_best(said, label, group, measure) for name, measure in MEASURES.items()}
    return {name: one for name, one in found.items() if one is not None}


def lines(found: Mapping[str, Corrected]) -> list[str]:
    """A sentence for each measure."""
    return [
        f"The best by {name.replace('_', ' ')} has {one.chosen:.3f}; less what the choice gave it (BBC-CV), "
        f"{one.corrected:.3f}{_between(one)}"
        for name, one in found.items()
    ]


def _between(one: Corrected) -> str:
    """Of few groups the draws are too few kinds for an interval."""
    if one.groups < FEWEST:
        return f", of {one.groups} groups"
    return f" (95 % {one.low:.3f} to {one.high:.3f}, over {one.groups} groups)"


def metrics(found: Mapping[str, Corrected]) -> dict[str, float]:
    """Under the names of the study's run."""
    chosen = {f"best/{name}": one.chosen for name, one in found.items()}
    return chosen | {f"best_corrected/{name}": one.corrected for name, one in found.items()}


def _answers(files: Path) -> tuple[list[str], np.ndarray, np.ndarray, np.ndarray] | None:
    """Squats, labels (n,), groups (n,) and logits (n,) of one trial; None where they cannot be read."""
    try:
        if (path := files / "out_of_fold.csv").is_file():
            everything = out_of_fold.read(path)
            network = everything.rows(
                (everything.guesser == out_of_fold.NETWORK) & (everything.reference == 0)
            )
            squats = out_of_fold.per_squat(network)
            return squats.squat.tolist(), squats.scores.label, squats.group, squats.scores.score
        found = read_predictions(files / PREDICTIONS)["val"]
    except (UserError, OSError, KeyError):
        return None
    known = all(item.subject for item in found.squats)
    group = np.array([item.subject if known else item.video for item in found.squats])
    label, p_good = found.per_squat()
    return [item.id for item in found.squats], label, group, out_of_fold.logits(p_good)
