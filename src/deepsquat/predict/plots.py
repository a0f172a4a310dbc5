"""Curves over time as inline SVG, their numbers as text beside it, which no narrow screen makes smaller."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

WIDTH, HEIGHT = 1000, 200  # of the drawing, which is stretched to the page's width
MOST = 2000  # points of a curve
TICKS = 6  # seconds' marks, at most: a phone has room for so many
_STEPS = (0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 3600)  # seconds


@dataclass(frozen=True)
class Line:
    """One curve, in pieces where it is not known in between: times in seconds, values; (n,) each."""

    name: str
    colour: str
    pieces: Sequence[tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Span:
    """A stretch of time that is shaded, as a squat is; bottom: where a mark stands, None for none."""

    begin: float
    end: float
    colour: str
    name: str
    bottom: float | None = None


def plot(
    title: str,
    lines: Sequence[Line],
    spans: Sequence[Span],
    seconds: float,
    values: Sequence[tuple[float, str]],
) -> str:
    """HTML of one plot. values: marks of the upright axis with what stands there, rising, its ends too."""
    low, high = values[0][0], values[-1][0]
    seconds = max(seconds, 1e-3)

    def x(time: float) -> float:
        return min(max(time / seconds, 0.0), 1.0) * WIDTH

    def y(value: float) -> float:
        return (1 - min(max((value - low) / (high - low), 0.0), 1.0)) * HEIGHT

    drawn = [
        f'<rect x="{x(span.begin):.1f}" width="{x(span.end) - x(span.begin):.1f}" y="0" height="{HEIGHT}" '
        f'fill="{span.colour}" fill-opacity=".16"/>'
        for span in spans
    ]
    drawn += [_upright(x(span.bottom), span.colour) for span in spans if span.bottom is not None]
    drawn += [f'<path d="M0 {y(at):.1f}H{WIDTH}" class="grid"/>' for at, _ in values]
    drawn += [
        f'<polyline points="{_points(x, y, *piece)}" stroke="{line.colour}" class="line"/>'
        for line in lines
        for piece in line.pieces
        if len(piece[0])
    ]
    marks = [f'<span class="y" style="top:{y(at) / HEIGHT:.1%}">{escape(said)}</span>' for at, said in values]
    marks += [f'<span class="x" style="left:{x(at) / WIDTH:.1%}">{at:g} s</span>' for at in _times(seconds)]
    middles = [(x((span.begin + span.end) / 2) / WIDTH, span.name) for span in spans]
    marks += [f'<span class="n" style="left:{at:.1%}">{escape(name)}</span>' for at, name in middles]
    legend = ""
    if len(lines) > 1:
        legend = " ".join(f'<b style="color:{line.colour}">{escape(line.name)}</b>' for line in lines)
    return (
        f"<figure><figcaption>{escape(title)} {legend}</figcaption>"
        f'<div class="plot"><svg viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(title)}">{"".join(drawn)}</svg>{"".join(marks)}</div></figure>'
    )


def _points(
    x: Callable[[float], float], y: Callable[[float], float], times: np.ndarray, values: np.ndarray
) -> str:
    some = np.unique(np.linspace(0, len(times) - 1, min(len(times), MOST)).astype(int))
    return " ".join(f"{x(float(times[i])):.1f},{y(float(values[i])):.1f}" for i in some)


def _upright(x: float, colour: str) -> str:
    return f'<path d="M{x:.1f} 0V{HEIGHT}" stroke="{colour}" class="mark"/>'


def _times(seconds: float) -> list[float]:
    step = next((step for step in _STEPS if seconds / step <= TICKS - 1), seconds / 2)
    return [step * k for k in range(int(seconds / step * 1.0001) + 1)]


def pieces(times: np.ndarray, values: np.ndarray, gap: float = 0.6) -> list[tuple[np.ndarray, np.ndarray]]:
    """A series, cut where it is not known for more than `gap` seconds."""
    known = ~np.isnan(values)
    times, values = times[known], values[known]
    cuts = np.flatnonzero(np.diff(times) > gap) + 1
    return list(zip(np.split(times, cuts), np.split(values, cuts), strict=True))
