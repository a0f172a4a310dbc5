"""The table that a benchmark prints."""

from collections.abc import Sequence

from bench.result import Result, Spread
from bench.row import Row

NOTE = (
    "Medians, with the lowest and highest repeat. Ratio: ours over the reference's, but for seconds and MB\n"
    "the reference's over ours, so that larger is better."
)
_HEAD = ("row", "what", "ours", "reference", "ratio", "goal", "met")


def table(results: Sequence[Result]) -> str:
    """One line a row under a head, columns aligned; the references in words below."""
    lines = [_HEAD, *(_cells(result) for result in results)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEAD))]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
    text.insert(1, "  ".join("-" * width for width in widths))
    references = [_beside(result) for result in results]
    return "\n".join([*(line.rstrip() for line in text), "", NOTE, *references])


def _beside(result: Result) -> str:
    """The reference in words, and what else was measured."""
    row = result.row
    more = [f"; {what}: {figure(repeats)} {row.unit}" for what, repeats in result.also.items()]
    return f"{row.name}: beside {row.reference}{''.join(more)}"


def _cells(result: Result) -> tuple[str, ...]:
    row = result.row
    met = {True: "yes", False: "NO", None: ""}[result.is_met]
    ours, reference = (f"{figure(side)} {row.unit}" for side in (result.ours, result.reference))
    return row.name, row.what, ours, reference, figure(result.ratios), asked(row), met


def asked(row: Row) -> str:
    """The goal and the limit in a few signs; empty where there is neither."""
    goal = [] if row.goal is None else [f"ratio >= {row.goal:.2f}"]
    limit = [] if row.limit is None else [f"ours <= {row.limit:g} {row.unit}"]
    return ", ".join(goal + limit)


def figure(repeats: Sequence[float]) -> str:
    """The median, and the spread where there is one."""
    spread = Spread.of(repeats)
    middle, low, high = (_number(figure) for figure in (spread.median, spread.low, spread.high))
    return f"{middle} ({low}-{high})" if len(repeats) > 1 else middle


def _number(figure: float) -> str:
    """Three digits that count."""
    return f"{figure:,.0f}" if abs(figure) >= 100 else f"{figure:#.3g}"
