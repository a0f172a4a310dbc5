"""How well scores of squats tell good from bad."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from deepsquat.evaluation.calibration import calibration_error

MEASURES = ("auc", "accuracy", "balanced_accuracy", "f1", "brier", "calibration_error")


@dataclass(frozen=True)
class Scores:
    """One row a squat; a higher score, as a logit, says that it is better."""

    score: np.ndarray  # (n,)
    label: np.ndarray  # (n,) 1 good, 0 bad
    subject: np.ndarray  # (n,) str, "" where unknown
    reference: np.ndarray = None  # type: ignore[assignment]  # (n,) bool: known to be good; left out, none is

    def __post_init__(self) -> None:
        if self.reference is None:
            object.__setattr__(self, "reference", np.zeros(len(self.score), bool))


def auc(label: np.ndarray, score: np.ndarray) -> float:
    """The area under the ROC curve: how often a good squat has the higher score, ties counting half.

    NaN without squats of both labels.
    """
    good, bad = score[label == 1], score[label == 0]
    if not len(good) or not len(bad):
        return float("nan")
    ordered = np.sort(bad)
    below, to = np.searchsorted(ordered, good, "left"), np.searchsorted(ordered, good, "right")
    return float((below + to).mean() / 2 / len(bad))


def balanced_accuracy(label: np.ndarray, said_good: np.ndarray) -> float:
    """The mean of the shares of the good and of the bad squats that are judged rightly.

    NaN without squats of both labels.
    """
    if not np.any(label == 1) or not np.any(label == 0):
        return float("nan")
    return float((said_good[label == 1].mean() + (~said_good[label == 0]).mean()) / 2)


def f1(label: np.ndarray, said_good: np.ndarray) -> float:
    """The harmonic mean of precision and recall of good squats; 0 where none is, or is said to be, good."""
    right = np.count_nonzero(said_good & (label == 1))
    wrong = np.count_nonzero(said_good != (label == 1))
    return float(2 * right / (2 * right + wrong)) if right else 0.0


def measured(label: np.ndarray, p_good: np.ndarray) -> dict[str, float]:
    """Every one of MEASURES, of labels (n,) 0 or 1 and probabilities of good form (n,); good is above a half.

    Brier: the mean squared distance of the probability from the label. NaN where it cannot be had.
    """
    said_good = p_good > 0.5
    return {
        "auc": auc(label, p_good),
        "accuracy": float(np.mean(said_good == (label == 1))),
        "balanced_accuracy": balanced_accuracy(label, said_good),
        "f1": f1(label, said_good),
        "brier": float(np.mean((p_good - label) ** 2)),
        "calibration_error": calibration_error(p_good, label),
    }


def within(group: np.ndarray, label: np.ndarray, p_good: np.ndarray) -> dict[str, float]:
    """The mean over groups (n,), such as subjects, of what `measured` says of each one's squats.

    A group with squats of one label has no area and no balanced accuracy, and is left out of these two.
    """
    of_each = [measured(label[group == name], p_good[group == name]) for name in np.unique(group)]
    found = {}
    for name in MEASURES:
        values = [one[name] for one in of_each if not np.isnan(one[name])]
        found[name] = float(np.mean(values)) if values else float("nan")
    return found


def reference_choices(scores: Scores, first_good: bool = True) -> list[np.ndarray]:
    """Each way to choose one reference a subject: (n,) int, the row that a squat is compared with, or -1.

    A subject's references are those that are marked; where none is, with `first_good`, each of its good
    squats in turn, the first one first. There are as many ways as the subject with the most has references.
    Squats of unknown subjects, and of those without a reference or without another squat, have none.
    """
    candidates = {}
    for subject in sorted(set(scores.subject) - {""}):
        own = scores.subject == subject
        rows = np.flatnonzero(own & scores.reference)
        if not len(rows) and first_good:
            rows = np.flatnonzero(own & (scores.label == 1))
        if len(rows) and np.any(own & ~scores.reference & (np.arange(len(own)) != rows[0])):
            candidates[subject] = rows
    found = []
    for turn in range(max(map(len, candidates.values()), default=0)):
        chosen = np.full(len(scores.label), -1)
        for subject, rows in candidates.items():
            chosen[scores.subject == subject] = rows[turn % len(rows)]
        found.append(chosen)
    return found


def _compared(scores: Scores, first_good: bool) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """For every choice the rows (k,) that are compared, and the references' rows (k,); these are in none."""
    for chosen in reference_choices(scores, first_good):
        rows = np.flatnonzero((chosen >= 0) & (chosen != np.arange(len(chosen))) & ~scores.reference)
        yield rows, chosen[rows]


def less_a_reference(scores: Scores) -> Scores:
    """The squats of every choice of the references, one after the other, less their reference's score."""
    pairs = list(_compared(scores, first_good=True))
    rows, others = (np.concatenate([pair[i] for pair in pairs] or [np.empty(0, int)]) for i in (0, 1))
    return Scores(scores.score[rows] - scores.score[others], scores.label[rows], scores.subject[rows])


Statistic = Callable[[np.ndarray, np.ndarray, np.ndarray], float]


def over_references(scores: Scores, statistic: Statistic, first_good: bool = True) -> np.ndarray:
    """(choices, 2): a statistic without and with a reference, whose score is subtracted, for every choice.

    statistic: of labels, scores, and the rows (k,) of `scores` that these are of. A reference is in neither
    figure, and no marked squat is, so that both are of the same squats; nor are squats that have none.
    """
    found = []
    for rows, others in _compared(scores, first_good):
        own, label = scores.score[rows].astype(float), scores.label[rows]
        found.append([statistic(label, own, rows), statistic(label, own - scores.score[others], rows)])
    return np.array(found).reshape(-1, 2)


def with_reference(scores: Scores) -> tuple[float, float]:
    """The AUC without and with one good squat of each subject as a reference, whose score is subtracted.

    The mean over every choice of the reference; NaN where there is none. See `over_references`.
    """
    pairs = over_references(scores, lambda label, score, _: auc(label, score))
    without, reference = pairs.mean(axis=0) if len(pairs) else (float("nan"), float("nan"))
    return float(without), float(reference)
