"""How well scores of squats tell good from bad."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Scores:
    """One row a squat; a higher score says that it is better."""

    score: np.ndarray  # (n,)
    label: np.ndarray  # (n,) 1 good, 0 bad
    subject: np.ndarray  # (n,) str, "" where unknown


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
    """The mean of the shares of the good and of the bad squats that are judged rightly."""
    return float((said_good[label == 1].mean() + (~said_good[label == 0]).mean()) / 2)


def less_a_reference(scores: Scores) -> Scores:
    """Every squat as often as there is another good one of its subject, whose score is taken from its own."""
    rows, others = [], []
    for subject in sorted(set(scores.subject) - {""}):
        own = np.flatnonzero(scores.subject == subject)
        for reference in own[scores.label[own] == 1]:
            rest = own[own != reference]
            rows.append(rest)
            others.append(np.full(len(rest), reference))
    if not rows:
        return Scores(np.empty(0), np.empty(0, int), np.empty(0, str))
    row, other = np.concatenate(rows), np.concatenate(others)
    return Scores(scores.score[row] - scores.score[other], scores.label[row], scores.subject[row])


def with_reference(scores: Scores) -> tuple[float, float]:
    """The AUC without and with one good squat of each subject as a reference, whose score is subtracted.

    The mean over every choice of the reference, the k-th good squat of each subject in turn. A reference is
    in neither figure, so that both are of the same squats; squats of subjects without a good one are left
    out of both. NaN where no subject has a good squat and another one.
    """
    good = {
        subject: np.flatnonzero((scores.subject == subject) & (scores.label == 1))
        for subject in sorted(set(scores.subject) - {""})
    }
    good = {
        subject: rows
        for subject, rows in good.items()
        if len(rows) and np.count_nonzero(scores.subject == subject) > 1
    }
    if not good:
        return float("nan"), float("nan")
    known = np.isin(scores.subject, list(good))
    pairs = []
    for turn in range(max(map(len, good.values()))):
        kept, less = known.copy(), scores.score.astype(float)
        for subject, rows in good.items():
            reference = rows[turn % len(rows)]
            less[scores.subject == subject] -= scores.score[reference]
            kept[reference] = False
        label = scores.label[kept]
        pairs.append((auc(label, scores.score[kept]), auc(label, less[kept])))
    without, reference = np.mean(pairs, axis=0)
    return float(without), float(reference)
