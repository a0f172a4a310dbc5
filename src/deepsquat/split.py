"""Divides squats into train, val and test, and checks what the parts share."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from deepsquat.errors import UserError

PARTS = ("train", "val", "test")
_TRIES = 2000  # group orders that are compared for the best balance


@dataclass(frozen=True)
class SplitOptions:
    """How squats are divided. val and test are fractions of all squats."""

    by: str = "video"  # squat, video or subject: what is never divided between two parts
    val: float = 0.15
    test: float = 0.25
    seed: int = 0
    of: tuple[str, ...] | None = None  # sources of data=joined for val and test; of others, all train

    def __post_init__(self) -> None:
        if self.of is not None:
            object.__setattr__(self, "of", tuple(self.of))  # a config has a list
        if self.by not in ("squat", "video", "subject"):
            raise UserError(f"split.by must be squat, video or subject, got {self.by!r}")
        if self.seed < 0:
            raise UserError(f"split.seed must not be negative, got {self.seed}")
        if not (0 < self.val < 1 and 0 < self.test < 1 and self.val + self.test < 1):
            raise UserError(
                "split.val and split.test must be above 0 and together below 1, "
                f"got {self.val} and {self.test}"
            )

    def divided(self, items: "Sequence[Item]") -> "Split":
        """The parts of the items; see `split`.

        Raises:
            UserError: no squat is of a source in `of`, or what `split` raises.
        """
        if self.of is None:
            return split(items, self)
        divided = of_sources(items, self.of, "split.of")
        taken = {item.id for item in divided}
        parts = split(divided, self)
        return {**parts, "train": [*parts["train"], *(item for item in items if item.id not in taken)]}


@dataclass(frozen=True)
class Item:
    """What the split needs to know of one squat."""

    id: str
    video: str
    subject: str
    label: int
    reference: bool = False  # in no score


# train, val and test; and reference, the squats of val's and test's groups that are known to be good.
Split = dict[str, list[Item]]


class Division(Protocol):
    """Another way to divide squats is another class with these members."""

    @property
    def by(self) -> str:
        """squat, video or subject: what is never divided between two parts."""

    def divided(self, items: Sequence[Item]) -> Split:
        """The items of each part."""


def split(items: Sequence[Item], options: SplitOptions) -> Split:
    """The items of `train`, `val` and `test`.

    By squat, as in the paper: the squats of each label are shuffled apart, int(fraction * n) of each go to
    val and as many to test. By video or subject: whole groups, chosen among many seeded orders so that the
    parts come nearest to the wanted number of squats of each label. References are in no score: those of val
    and test become a part of their own.

    Raises:
        UserError: fewer than two labels, a part that would be empty, or an unknown subject.
    """
    refuse_one_label(items)
    generator = np.random.default_rng(options.seed)
    parts = (
        _by_squat(items, options, generator)
        if options.by == "squat"
        else _by_group(items, options, generator)
    )
    parts = with_references_apart(parts)
    for name in PARTS:
        if {item.label for item in parts[name]} != {0, 1}:
            raise UserError(
                f"split: {name} would hold {_counted(parts[name])} of {len(items)} squats; it needs both "
                f"labels. {one_sided(items, options.by)}"
                f"Give more data or a larger split.val / split.test, or do not split by {options.by}"
            )
    return parts


def refuse_one_label(items: Sequence[Item]) -> None:
    """
    Raises:
        UserError: not both labels are there.
    """
    labels = {item.label for item in items}
    if labels != {0, 1}:
        there = ("only bad squats have", "only good squats have")[labels.pop()] if labels else "no squat has"
        raise UserError(
            f"data: {there} a label, so there is nothing to learn; "
            "a training needs squats with label 1 (good) and with label 0 (bad)"
        )


def with_references_apart(parts: Split) -> Split:
    """The same parts, and `reference`, which takes those of val and test."""
    scored = ("val", "test")
    apart = [item for name in scored for item in parts[name] if item.reference]
    kept = {name: [item for item in parts[name] if not item.reference] for name in scored}
    return {"train": parts["train"], **kept, "reference": apart}


def of_sources(items: Sequence[Item], sources: Sequence[str], key: str) -> list[Item]:
    """The items of some sources of data=joined. key: the option that names them.

    Raises:
        UserError: no squat is of one of them.
    """
    found = [item for item in items if item.id.partition("/")[0] in sources]
    if missing := set(sources) - {item.id.partition("/")[0] for item in found}:
        raise UserError(f"{key}: no squat is of the source {missing.pop()}; data.of names them")
    return found


def group_of(items: Sequence[Item], by: str) -> dict[str, str]:
    """The video or subject of each squat, or the squat itself, by its id.

    Raises:
        UserError: one is not known.
    """
    found = {item.id: item.id if by == "squat" else getattr(item, by) for item in items}
    unknown = [name for name, group in found.items() if not group]
    if unknown:
        raise UserError(
            f"split=by_{by}: {len(unknown)} squats have no {by}, the first is {unknown[0]}; "
            "name it in the labels file or choose another split"
        )
    return found


def one_sided(items: Sequence[Item], by: str) -> str:
    """From how many groups the squats of each label come, where it is few of one; empty where it is not."""
    if by == "squat":
        return ""
    groups = {label: {getattr(i, by) for i in items if i.label == label} for label in (0, 1)}
    label = min(groups, key=lambda one: len(groups[one]))
    if len(groups[label]) > 2:
        return ""
    word, n = ("bad", "good")[label], len(groups[label])
    return (
        f"{word} squats come from {n} {by}{'s' if n > 1 else ''} only, and each of three parts needs one: "
        f"film {word} squats of others too, or take split=by_squat, which cannot show that form was learnt. "
    )


def _counted(items: Sequence[Item]) -> str:
    good = sum(item.label for item in items)
    return f"{good} good and {len(items) - good} bad"


def _by_squat(items: Sequence[Item], options: SplitOptions, generator: np.random.Generator) -> Split:
    parts: Split = {name: [] for name in PARTS}
    for label in (0, 1):
        chosen = [item for item in items if item.label == label]
        order = [chosen[i] for i in generator.permutation(len(chosen))]
        val, test = int(options.val * len(order)), int(options.test * len(order))
        parts["val"] += order[:val]
        parts["test"] += order[val : val + test]
        parts["train"] += order[val + test :]
    return parts


def _by_group(items: Sequence[Item], options: SplitOptions, generator: np.random.Generator) -> Split:
    group = group_of(items, options.by)
    groups = sorted(set(group.values()))
    if len(groups) < 3:
        raise UserError(
            f"split=by_{options.by}: {len(groups)} {options.by}s cannot fill train, val and test; "
            "give more data or choose split=by_squat"
        )
    counts = np.zeros((len(groups), 2))  # squats of each label in each group
    scored = np.zeros_like(counts)  # of these, those that are in a score: references are in none
    row = {name: i for i, name in enumerate(groups)}
    for item in items:
        counts[row[group[item.id]], item.label] += 1
        scored[row[group[item.id]], item.label] += not item.reference
    wanted = {name: getattr(options, name) * scored.sum(axis=0) for name in ("val", "test")}
    best: tuple[float, dict[str, str]] | None = None
    for _ in range(_TRIES):
        order = generator.permutation(len(groups))
        part_of: dict[str, str] = {}
        missed, start = 0.0, 0
        for name in ("val", "test"):
            sums = scored[order[start:]].cumsum(axis=0)
            misses = np.abs(sums - wanted[name]).sum(axis=1) + len(items) * (sums == 0).any(axis=1)
            # At least one group stays for each part that is still to fill.
            last = len(groups) - start - (2 if name == "val" else 1)
            taken = int(misses[:last].argmin()) + 1
            part_of |= {groups[g]: name for g in order[start : start + taken]}
            missed += float(misses[taken - 1])
            start += taken
        missed += len(items) * bool((counts[order[start:]].sum(axis=0) == 0).any())
        if best is None or missed < best[0]:
            best = missed, part_of
    assert best is not None
    parts: Split = {name: [] for name in PARTS}
    for item in items:
        parts[best[1].get(group[item.id], "train")].append(item)
    return parts


@dataclass(frozen=True)
class Audit:
    """For val and test: how many of their squats have a sibling in train, by what they share."""

    shared: dict[str, dict[str, int]]  # part -> "video" or "subject" -> squats
    squats: dict[str, int]  # part -> squats

    def lines(self) -> list[str]:
        """One sentence for each crossing; none where nothing crosses."""
        return [
            f"{count} of {self.squats[part]} {part} squats have a sibling of the same {kind} in train"
            for part, kinds in self.shared.items()
            for kind, count in kinds.items()
            if count
        ]


def audit(parts: Split, by: str) -> Audit:
    """Counts siblings across the parts.

    Raises:
        ValueError: a group that the split declares whole stands on both sides; a defect, never the data.
    """
    shared: dict[str, dict[str, int]] = {}
    for part in ("val", "test"):
        shared[part] = {}
        for kind in ("video", "subject"):
            in_train = {getattr(item, kind) for item in parts["train"]} - {""}
            shared[part][kind] = sum(getattr(item, kind) in in_train for item in parts[part])
        if shared[part].get(by):
            raise ValueError(f"split by {by}, but {shared[part][by]} squats of {part} have siblings in train")
    return Audit(shared, {part: len(parts[part]) for part in PARTS})
