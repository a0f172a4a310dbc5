"""Folds: every squat is tested once, by a network that never saw its video or subject."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from deepsquat.errors import UserError
from deepsquat.evaluation.baselines import GUESSERS
from deepsquat.split import Division, Item, Split, group_of, of_sources, refuse_one_label

REFERENCES = ("none", "marked", "first_good")
Groups = frozenset[str]


@dataclass(frozen=True)
class FoldOptions:
    """How squats are divided into folds, and what is said of them.

    Raises:
        UserError: a value that cannot be.
    """

    of: tuple[str, ...] | None = None  # sources of data=joined that are tested; others are but trained on
    by: str | None = None  # squat, video or subject; None: subject where every squat's is known, else video
    # 3 or more; None: as many as there are groups, each left out once; 1: the run's own split alone
    folds: int | None = None
    seed: int = 0  # of the folds
    seeds: tuple[int, ...] | None = None  # of the trainings, all folds under each; None: the run's seed alone
    reference: str = "marked"  # none, marked, or first_good where a subject has no marked one
    guessers: tuple[str, ...] = tuple(GUESSERS)  # what is set beside the network in the same folds
    on: dict[str, Any] = field(default_factory=dict)  # further data that each fold's network is tested on

    def __post_init__(self) -> None:
        for name in ("of", "seeds", "guessers"):
            if (value := getattr(self, name)) is not None:
                object.__setattr__(self, name, tuple(value))  # a config has a list
        if self.by not in (None, "squat", "video", "subject"):
            raise UserError(f"evaluation.by must be squat, video, subject or null, got {self.by!r}")
        if self.folds is not None and self.folds < 1:
            raise UserError(
                f"evaluation.folds must be 3 or more, 1 for the run's own split, or null for one a group; "
                f"got {self.folds}"
            )
        if self.reference not in REFERENCES:
            raise UserError(f"evaluation.reference must be {', '.join(REFERENCES)}, got {self.reference!r}")
        if unknown := [name for name in self.guessers if name not in GUESSERS]:
            raise UserError(f"evaluation.guessers: there is no {unknown[0]}; there are {', '.join(GUESSERS)}")
        if self.seeds is not None and (not self.seeds or len(set(self.seeds)) < len(self.seeds)):
            raise UserError(f"evaluation.seeds must be one or more numbers, each once, got {self.seeds}")


@dataclass(frozen=True)
class OwnSplit:
    """The run's own split in the place of folds."""

    split: Division
    number: int = 0
    words: str = "its own split"  # for the run's name

    @property
    def by(self) -> str:
        return self.split.by

    def divided(self, items: Sequence[Item]) -> Split:
        return self.split.divided(items)


@dataclass(frozen=True)
class Fold:
    """One fold, as a way to divide squats: whole groups are val or test, and all others train."""

    by: str
    number: int  # from 0
    of: int
    val: Groups
    test: Groups

    def divided(self, items: Sequence[Item]) -> Split:
        """The parts of the items; see `deepsquat.split.split`.

        Of references those of test alone are there: val's are answered where they are tested.
        """
        group = group_of(items, self.by)
        parts: Split = {"train": [], "val": [], "test": [], "reference": []}
        for item in items:
            name = group[item.id]
            part = "test" if name in self.test else "val" if name in self.val else "train"
            if item.reference and part == "test":
                part = "reference"
            if not (item.reference and part == "val"):
                parts[part].append(item)
        return parts

    @property
    def words(self) -> str:
        """For the run's name."""
        only = f", {next(iter(self.test))}" if len(self.test) == 1 else ""
        return f"fold {self.number + 1} of {self.of}{only}"


def grouping(items: Sequence[Item], by: str | None) -> str:
    """What is never divided: as asked, or subject where every squat's is known, else video."""
    return by or ("subject" if all(item.subject for item in items) else "video")


def divisions(items: Sequence[Item], options: FoldOptions, own: Division) -> Sequence[Fold | OwnSplit]:
    """The folds of labelled squats, or where one is asked for the run's own split.

    Raises:
        UserError: they cannot be divided so.
    """
    if options.folds != 1:
        return folds(items, options)
    if options.of is not None:
        raise UserError(
            "evaluation.of: one split, the run's own, tests all sources; take more folds, or leave it out"
        )
    own.divided(items)
    return [OwnSplit(own)]


def folds(items: Sequence[Item], options: FoldOptions) -> list[Fold]:
    """The folds of labelled squats, by their groups; each fold's val is the first after it, in a circle, that
    leaves both labels to train on.

    Where other sources are trained on alone, val is a twentieth of their groups, so that of those that are
    tested none is lost to training.

    With a number of folds, groups are dealt so that each fold has about the same number of squats of each
    label (scikit-learn's StratifiedGroupKFold); without one, each group is a fold.

    Raises:
        UserError: too few groups, an unknown one, or a fold that would leave one label to train on.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    everyone, others = items, list[Item]()
    if options.of is not None:
        items = of_sources(items, options.of, "evaluation.of")
        others = [item for item in everyone if item.id.partition("/")[0] not in options.of]
    by = grouping(items, options.by)
    group = group_of(items, by)
    refuse_one_label(items)
    groups = sorted(set(group.values()))
    count = options.folds or len(groups)
    if min(count, len(groups)) < 3 or count > len(groups):
        videos = len({item.video for item in items})
        other = "video" if by == "subject" and videos >= max(3, count) else "squat"
        raise UserError(
            f"evaluation: {len(groups)} {by}s do not make {max(3, count)} folds: one is tested, one is "
            "watched while the others are trained on; give more data, another number by evaluation.folds, "
            f"or evaluation.by={other}"
        )
    rarer = min(sum(item.label == label for item in items) for label in (0, 1))
    if options.folds is not None and rarer < count:
        word = "good" if sum(item.label for item in items) == rarer else "bad"
        raise UserError(
            f"evaluation: {rarer} {word} squat{'s' * (rarer != 1)} cannot be dealt to {count} folds; give "
            "more, or fewer folds by evaluation.folds"
        )
    names = np.array([group[item.id] for item in items])
    if options.folds is None:
        tested = [frozenset([name]) for name in groups]
    else:
        labels = np.array([item.label for item in items])
        dealt = StratifiedGroupKFold(count, shuffle=True, random_state=options.seed)
        parts = dealt.split(np.zeros((len(items), 1)), labels, names)
        tested = [frozenset(names[rows].tolist()) for _, rows in parts]
    watched = _some_of(sorted(set(group_of(others, by).values())), options.seed) if others else None
    return [_fold(by, i, tested, watched, everyone) for i in range(count)]


def _fold(
    by: str, number: int, tested: Sequence[Groups], watched: Groups | None, items: Sequence[Item]
) -> Fold:
    """The fold that tests tested[number]. watched: its val, where that is the same for all.

    Raises:
        UserError: no choice of val leaves two labels to train on.
    """
    count = len(tested)
    later = [tested[(number + step) % count] for step in range(1, count)] if watched is None else [watched]
    possible = [Fold(by, number, count, val, tested[number]) for val in later]
    if (found := next((fold for fold in possible if _can_train(fold, items)), None)) is not None:
        return found
    there = {
        label: len({getattr(i, "id" if by == "squat" else by) for i in items if i.label == label})
        for label in (0, 1)
    }
    raise UserError(
        f"evaluation: {possible[0].words} would have but one label to train on, or no squat to test: good "
        f"squats come from {there[1]} {by}s, bad ones from {there[0]}; film the rarer ones of others too (3 "
        "or more), take fewer folds, or evaluation.by=squat, which cannot show that form was learnt"
    )


def _can_train(fold: Fold, items: Sequence[Item]) -> bool:
    parts = fold.divided(items)
    return bool({item.label for item in parts["train"]} == {0, 1} and parts["val"] and parts["test"])


def _some_of(groups: Sequence[str], seed: int) -> Groups:
    """A twentieth of the groups, one at least."""
    chosen = np.random.default_rng(seed).permutation(len(groups))[: max(1, len(groups) // 20)]
    return frozenset(groups[i] for i in chosen)
