"""What a row of the table is: how its two sides are measured, and what is asked of them."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from bench.home import Home

Measure = Callable[[], float]  # one repeat: does the work, returns its figure in the row's unit


class Unavailable(Exception):
    """Why a row cannot be measured here, as where there is no GPU; it is said, and no failure."""


@dataclass(frozen=True)
class Sides:
    """What is measured, made ready: the calls hold the work alone."""

    ours: Measure
    reference: Measure
    also: Mapping[str, Measure] = field(default_factory=dict)  # more for the file, in the row's unit


@dataclass(frozen=True)
class Row:
    """One row. `ready` is a context: it makes ready before the first repeat, and puts away after the last.

    It may raise Unavailable. Any other error costs this row alone, and makes the command's exit code 1.

    The ratio is ours over the reference's where more is better, else the reference's over ours: in either
    case larger is better.
    """

    name: str  # what `rows=` chooses it by
    what: str
    reference: str  # what it is measured against, in words
    unit: str
    ready: Callable[[Home], AbstractContextManager[Sides]]
    more_is_better: bool = True
    goal: float | None = None  # least ratio
    limit: float | None = None  # most of ours, in the unit, where less is better
    warm_up: bool = True  # one repeat before the first that counts
    most_repeats: int | None = None  # where one takes long and differs little

    def ratio(self, ours: float, reference: float) -> float:
        return ours / reference if self.more_is_better else reference / ours
