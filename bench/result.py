"""From repeats to figures: medians, spreads, ratios, and whether a goal is met."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from bench.row import Row, Sides


@dataclass(frozen=True)
class Spread:
    """The median of some repeats, and the lowest and highest of them."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, repeats: Sequence[float]) -> "Spread":
        return cls(median(repeats), min(repeats), max(repeats))


@dataclass(frozen=True)
class Result:
    """A measured row. All lists have one figure a repeat, in the row's unit."""

    row: Row
    ours: list[float]
    reference: list[float]
    also: Mapping[str, list[float]]

    @property
    def ratios(self) -> list[float]:
        """One a repeat, of figures measured right after each other: a machine that slows down slows both."""
        return [self.row.ratio(a, b) for a, b in zip(self.ours, self.reference, strict=True)]

    @property
    def is_met(self) -> bool | None:
        """Whether the medians keep to the goal and the limit; None where there is neither."""
        asked = []
        if self.row.goal is not None:
            asked.append(median(self.ratios) >= self.row.goal)
        if self.row.limit is not None:
            asked.append(median(self.ours) <= self.row.limit)
        return all(asked) if asked else None

    def plain(self) -> dict[str, Any]:
        """For the file: every repeat, and what is made of them."""
        row = self.row
        return {
            "what": row.what,
            "unit": row.unit,
            "more_is_better": row.more_is_better,
            "ours": _plain(self.ours),
            "reference": {"what": row.reference, **_plain(self.reference)},
            "ratio": _plain(self.ratios),
            "goal": row.goal,
            "limit": row.limit,
            "is_met": self.is_met,
            "also": {name: _plain(repeats) for name, repeats in self.also.items()},
        }


def _plain(repeats: Sequence[float]) -> dict[str, Any]:
    spread = Spread.of(repeats)
    return {
        "median": _short(spread.median),
        "low": _short(spread.low),
        "high": _short(spread.high),
        "repeats": [_short(figure) for figure in repeats],
    }


def _short(figure: float) -> float:
    return float(f"{figure:.5g}")


def measured(row: Row, sides: Sides, repeats: int, say: Callable[[str], None]) -> Result:
    """Measures ours, the reference, ours, the reference, ... after a warm-up that does not count.

    say: told before each round what it is.
    """
    repeats = min(repeats, row.most_repeats or repeats)
    ours: list[float] = []
    reference: list[float] = []
    also: dict[str, list[float]] = {name: [] for name in sides.also}
    for number in range(0 if row.warm_up else 1, repeats + 1):
        say(f"repeat {number} of {repeats}" if number else "warm-up")
        figures = sides.ours(), sides.reference(), {name: more() for name, more in sides.also.items()}
        if number:
            ours.append(figures[0])
            reference.append(figures[1])
            for name, figure in figures[2].items():
                also[name].append(figure)
    return Result(row, ours, reference, also)
