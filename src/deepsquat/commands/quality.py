"""How well a model judges the squats of one source, for its card and its pictures."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from deepsquat.champion import Champion
from deepsquat.evaluation.calibration import calibration_error
from deepsquat.evaluation.intervals import group_interval
from deepsquat.evaluation.judged import Judged
from deepsquat.evaluation.out_of_fold import probabilities
from deepsquat.evaluation.scores import Scores, auc, balanced_accuracy, less_a_reference, with_reference
from deepsquat.evaluation.told import Told, curve, rows
from deepsquat.files import written_whole
from deepsquat.runs import pictures
from deepsquat.runs.reliability import Said


@dataclass(frozen=True)
class Measured:
    """How well one source's squats are judged."""

    squats: int
    auc: float
    auc_with_reference: float
    balanced_accuracy: float  # at the champion's threshold
    balanced_with_reference: float  # beside one good squat of the same subject, every one in turn
    calibration_error: float
    yaw_error: float  # degrees, the median of the camera's; NaN where it is not read
    auc_interval: tuple[float, float] | None = None  # 95 %, over people; None where they are too few
    told: tuple[Told, ...] = ()  # by the margin around the threshold


def in_words(value: float, interval: tuple[float, float] | None) -> str:
    """A share to three places, and its interval where there is one."""
    return f"{value:.3f}" + ("" if interval is None else f" ({interval[0]:.3f} to {interval[1]:.3f})")


def measured(model: Champion, judged: Judged) -> Measured:
    found = of(model, judged.scores, said(model, judged.scores).p_good)
    return replace(found, yaw_error=float(np.median(off(judged.yaw, judged.measures[:, -1]))))


def of(model: Champion, scores: Scores, p_good: np.ndarray, person: np.ndarray | None = None) -> Measured:
    """Of squats whose probabilities are known. person: (n,) whose they are; None: their subject's."""
    person = scores.subject if person is None else person
    return Measured(
        squats=len(p_good),
        auc=auc(scores.label, scores.score),
        auc_with_reference=with_reference(scores)[1],
        balanced_accuracy=balanced_accuracy(scores.label, p_good >= model.threshold),
        balanced_with_reference=_balanced_with_reference(model, scores),
        calibration_error=calibration_error(p_good, scores.label),
        yaw_error=float("nan"),
        auc_interval=None
        if (person == "").any()
        else group_interval(person, lambda rows: auc(scores.label[rows], scores.score[rows])),
        told=tuple(curve(p_good, scores.label, model.threshold)),
    )


def said(model: Champion, scores: Scores) -> Said:
    return Said(probabilities(scores.score / model.temperature - model.shift), scores.label, scores.subject)


def _balanced_with_reference(model: Champion, scores: Scores) -> float:
    """NaN where no subject has a good squat and another one, of either label."""
    pairs = less_a_reference(scores)
    if model.comparison is None or set(pairs.label) != {0, 1}:
        return float("nan")
    return balanced_accuracy(pairs.label, pairs.score / model.temperature >= model.comparison.begins)


def off(yaw: np.ndarray, true: np.ndarray) -> np.ndarray:
    """By how many degrees (n,) the camera is read off its place."""
    return np.asarray(np.abs((yaw - true + 180) % 360 - 180))


def write_told(folder: Path, curves: Mapping[str, Sequence[Told]]) -> None:
    """told.csv, and told.png where pictures can be made: what src/predict.py's margin costs and gains."""
    with written_whole(folder / "told.csv") as temporary, temporary.open("w", newline="") as file:
        csv.writer(file).writerows([("source", "margin", "told", "right"), *rows(curves)])
    if not pictures.can_draw():
        return
    made, axes = pictures.figure()
    for name, points in curves.items():
        axes[0, 0].plot([one.told for one in points], [one.right for one in points], label=name)
    axes[0, 0].set(xlabel="squats that are told", ylabel="of these, right", title="Told and right")
    axes[0, 0].legend(fontsize=7)
    pictures.write(made, folder / "told.png")
