"""What an evaluation over folds says: all guessers' scores on the same squats, and what they can show."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean

import numpy as np

from deepsquat.evaluation.baselines import ORACLES
from deepsquat.evaluation.calibration import by_others, calibration_error
from deepsquat.evaluation.intervals import group_interval
from deepsquat.evaluation.out_of_fold import NETWORK, OutOfFold, Squats, per_squat, probabilities
from deepsquat.evaluation.scores import MEASURES, auc, balanced_accuracy, measured, over_references, within

LEVELS = ("image", "squat", "subject")
Interval = tuple[float, float] | None


@dataclass(frozen=True)
class Judged:
    """One guesser.

    values: each score's, one a seed. LEVEL/MEASURE, see `deepsquat.evaluation.scores`; by_others/*: of
    squats, with slope and offset of the logit fitted on all other folds; reference/*_without and reference/*:
    of the squats that are no reference, without and less their subject's reference's logit, by_others, the
    mean over every choice of it (reference/*_lowest, reference/*_highest: over the choices).

    intervals: of the mean over seeds, by drawing groups anew; behind: the network's AUC less this one's.
    """

    values: Mapping[str, Sequence[float]]
    intervals: Mapping[str, Interval]

    def mean(self, name: str) -> float:
        return mean(self.values[name])

    def spread(self, name: str) -> float:
        """The standard deviation over seeds; 0 of one."""
        return float(np.std(self.values[name], ddof=1)) if len(self.values[name]) > 1 else 0.0


def judged(found: OutOfFold, reference: str) -> dict[str, Judged]:
    """Every guesser's scores. reference: none, marked or first_good, see `FoldOptions`."""
    result = {}
    seeds = np.unique(found.seed).tolist()
    network = [per_squat(found.of(NETWORK, seed)) for seed in seeds]
    for guesser in dict.fromkeys(found.guesser.tolist()):
        values: dict[str, list[float]] = {}
        of_seeds = [found.of(guesser, seed) for seed in seeds]
        for one in of_seeds:
            for name, value in _of_seed(one, reference).items():
                values.setdefault(name, []).append(value)
        result[guesser] = Judged(values, _intervals([per_squat(one) for one in of_seeds], network))
    return result


def _of_seed(found: OutOfFold, reference: str) -> dict[str, float]:
    squats = per_squat(found)
    kept = ~squats.scores.reference
    label, score = squats.scores.label[kept], squats.scores.score[kept]
    images = found.rows(found.reference == 0)
    levels = {
        "image": measured(images.label, probabilities(images.logit)),
        "squat": measured(label, probabilities(score)),
        "subject": within(squats.group[kept], label, probabilities(score)),
    }
    values = {f"{level}/{name}": levels[level][name] for level in LEVELS for name in MEASURES}
    p = by_others(score, label, squats.fold[kept])
    values["by_others/balanced_accuracy"] = np.nan if p is None else balanced_accuracy(label, p > 0.5)
    values["by_others/calibration_error"] = np.nan if p is None else calibration_error(p, label)
    return values | _with_reference(squats, reference)


def _with_reference(squats: Squats, reference: str) -> dict[str, float]:
    if reference == "none":
        return {}

    def balanced(label: np.ndarray, score: np.ndarray, rows: np.ndarray) -> float:
        p = by_others(score, label, squats.fold[rows])
        return np.nan if p is None else balanced_accuracy(label, p > 0.5)

    first_good = reference == "first_good"
    found = {
        "auc": over_references(squats.scores, lambda label, score, _: auc(label, score), first_good),
        "balanced_accuracy": over_references(squats.scores, balanced, first_good),
    }
    values = {}
    for name, pairs in found.items():
        if len(pairs):
            values[f"reference/{name}_without"], values[f"reference/{name}"] = map(float, pairs.mean(axis=0))
            values[f"reference/{name}_lowest"] = float(pairs[:, 1].min())
            values[f"reference/{name}_highest"] = float(pairs[:, 1].max())
    return values


def _intervals(seeds: Sequence[Squats], network: Sequence[Squats]) -> dict[str, Interval]:
    """Seeds and guessers share their squats, so that a draw takes the same ones of each."""
    kept = ~seeds[0].scores.reference
    label, group = seeds[0].scores.label[kept], seeds[0].group[kept]
    scores, others = ([one.scores.score[kept] for one in some] for some in (seeds, network))

    def area(some: Sequence[np.ndarray], rows: np.ndarray) -> float:
        return float(np.mean([auc(label[rows], score[rows]) for score in some]))

    return {
        "squat/auc": group_interval(group, lambda rows: area(scores, rows)),
        "behind": group_interval(group, lambda rows: area(others, rows) - area(scores, rows)),
    }


def metrics(found: Mapping[str, Judged]) -> dict[str, float]:
    """Under the names of a run: folds/..., baseline/GUESSER/..., and *_sd over seeds; without NaN."""
    values: dict[str, float] = {}
    for guesser, one in found.items():
        prefix = "folds" if guesser == NETWORK else f"baseline/{guesser}"
        for name in one.values:
            if guesser != NETWORK and name.partition("/")[0] in ("image", "subject"):
                continue
            values[f"{prefix}/{name}"] = one.mean(name)
            if len(one.values[name]) > 1:
                values[f"{prefix}/{name}_sd"] = one.spread(name)
    return {name: value for name, value in values.items() if not np.isnan(value)}


def metric_names(reference: str) -> list[str]:
    """The names of the network's own scores, that a sweep may have as its objective."""
    names = [f"{level}/{name}" for level in LEVELS for name in MEASURES]
    names += ["by_others/balanced_accuracy", "by_others/calibration_error"]
    if reference != "none":
        ends = ("_without", "", "_lowest", "_highest")
        names += [f"reference/{name}{end}" for name in ("auc", "balanced_accuracy") for end in ends]
    return [f"folds/{name}" for name in names]


_KNOWS = {
    "knows_video": "knows nothing but the video of a squat",
    "knows_subject": "knows nothing but the subject of a squat",
    "sees_framing": "sees nothing but where the figure stands and how large it is",
}


def alarms(found: Mapping[str, Judged], split: str) -> list[str]:
    """Sentences on why the network's score cannot show that form was learnt; none where it may.

    split: how squats were divided, in words. A guesser that must fail reaches the network where, over groups
    drawn anew, it is not behind for sure.
    """
    own = found[NETWORK].mean("squat/auc")
    sentences = []
    for guesser in (one for one in ORACLES if one in found):
        theirs, behind = found[guesser].mean("squat/auc"), found[guesser].intervals["behind"]
        if behind[0] <= 0 if behind else theirs >= own:
            sentences.append(
                f"{split.capitalize()} cannot show that form was learnt: a guesser that {_KNOWS[guesser]} "
                f"reaches an AUC of {theirs:.3f}, and the network {own:.3f}."
            )
    return sentences


def lines(found: Mapping[str, Judged]) -> list[str]:
    """Tables for the terminal: the network by level, all guessers by squat, and with a reference."""
    network = found[NETWORK]
    rows = [["network, as it is", "AUC", "right", "balanced", "F1", "Brier", "calib. error"]]
    rows += [[f"per {level}", *(_value(network, f"{level}/{name}") for name in MEASURES)] for level in LEVELS]
    table = _aligned(rows)
    names = ("squat/balanced_accuracy", "by_others/balanced_accuracy", "by_others/calibration_error")
    rows = [["per squat", "AUC", "95 % interval", "balanced", "at others' standard", "its calib. error"]]
    for guesser, one in found.items():
        between = one.intervals["squat/auc"]
        interval = f"{between[0]:.3f} to {between[1]:.3f}" if between else "–"
        rows.append([_words(guesser), _value(one, "squat/auc"), interval, *(_value(one, n) for n in names)])
    table += ["", *_aligned(rows)]
    if "reference/auc" in network.values:
        heads = ("less it", "over its choices")
        rows = [["beside one reference", "AUC", *heads, "balanced", *heads]]
        rows += [[_words(guesser), *_referenced(one)] for guesser, one in found.items()]
        table += ["", *_aligned(rows)]
    return table


def _words(guesser: str) -> str:
    return guesser.replace("_", " ")


def _referenced(one: Judged) -> list[str]:
    cells = []
    for name in ("reference/auc", "reference/balanced_accuracy"):
        ends = [one.mean(f"{name}_{end}") for end in ("lowest", "highest") if f"{name}_{end}" in one.values]
        span = " to ".join(f"{value:.3f}" for value in ends) if ends and not np.isnan(ends).any() else "–"
        cells += [_value(one, f"{name}_without"), _value(one, name), span]
    return cells


def _value(one: Judged, name: str) -> str:
    if name not in one.values or np.isnan(one.mean(name)):
        return "–"
    spread = f" ±{one.spread(name):.3f}" if len(one.values[name]) > 1 else ""
    return f"{one.mean(name):.3f}{spread}"


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows]
