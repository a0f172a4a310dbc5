"""Pictures of the search space of a study: its trials by two values that were swept, or by all of them."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from deepsquat.runs import pictures
from deepsquat.runs.trials import (
    BEST,
    HOLLOW,
    MOST_CELLS,
    PRUNED,
    RING,
    Scale,
    Shown,
    few_numbers,
    in_few,
    last_said,
    legend,
    norm_of,
    scale,
    spans_much,
)


def parallel(seen: Shown) -> Any:
    """One line a trial, from value to value to the objective, which colours it."""
    from matplotlib.cm import ScalarMappable

    names = list(seen.axes)
    trials = [*seen.pruned, *seen.done]
    scales = [scale(seen.axes[name], [t.params[name] for t in trials if name in t.params]) for name in names]
    norm = norm_of([last_said(trial) for trial in seen.done])
    colours = "viridis_r" if seen.minimize else "viridis"  # what is good is light
    ends = [_ends(its) for its in scales]
    said = [last_said(trial) for trial in trials]
    is_log = spans_much(said)
    low, high = _widened(min(said), max(said), is_log)
    made, axes = pictures.figure(size=(1.4 + 1.05 * len(names), 3.6))
    axis = axes[0][0]
    for trial in sorted(trials, key=lambda t: (t.state.name == "COMPLETE", t is seen.best)):
        heights = [
            _share(its.place(trial.params[name]), *end, its.is_log) if name in trial.params else -0.08
            for name, its, end in zip(names, scales, ends, strict=True)
        ]
        heights.append(_share(last_said(trial), low, high, is_log))
        if trial.state.name != "COMPLETE":
            kind: dict[str, Any] = {"color": PRUNED, "lw": 0.8, "ls": "--", "alpha": 0.7}
        elif trial is seen.best:
            kind = {"color": BEST, "lw": 3}
        else:
            kind = {"color": ScalarMappable(norm, colours).to_rgba(trial.value), "lw": 1.3}
        axis.plot(range(len(heights)), heights, **kind)
    for i, (its, end) in enumerate(zip(scales, ends, strict=True)):
        _ticks(axis, i, its, end)
    _ticks(axis, len(names), Scale(None, [low, high], True, is_log), (low, high))
    is_absent = any(name not in trial.params for trial in trials for name in names)
    if is_absent:
        axis.text(-0.06, -0.08, "none", ha="right", va="center", fontsize=9)
    axis.set_xlim(-0.35, len(names) + 0.35)
    axis.set_ylim(-0.12 if is_absent else -0.04, 1.05)
    axis.set_xticks(range(len(names) + 1), [*(name.replace(".", ".\n") for name in names), seen.metric])
    axis.tick_params(axis="x", length=0, labelsize=9)
    axis.set_yticks([])
    for side in axis.spines.values():
        side.set_visible(False)
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], color=BEST, lw=3, label=f"best, trial {seen.best.number}")]
    if seen.pruned:
        handles.append(Line2D([], [], color=PRUNED, lw=0.8, ls="--", label="pruned"))
    made.legend(handles=handles, loc="outside lower center", ncols=2, fontsize=8)
    return made


def _ends(its: Scale) -> tuple[float, float]:
    """The lowest and the highest place of the search space."""
    if not its.is_number:
        return 0.0, float(max(1, len(its.values) - 1))
    low, high = (getattr(its.known, "low", its.values[0]), getattr(its.known, "high", its.values[-1]))
    return (float(low), float(high)) if high > low else (float(low), float(low) + 1)


def _widened(low: float, high: float, is_log: bool) -> tuple[float, float]:
    if high > low:
        return low, high
    return (low / 2, high * 2) if is_log else (low - 0.5, high + 0.5)


def _share(value: float, low: float, high: float, is_log: bool) -> float:
    """How far up between the ends, 0 to 1."""
    if is_log:
        value, low, high = np.log([value, low, high])
    return float((value - low) / (high - low))


def _ticks(axis: Any, at: int, its: Scale, ends: tuple[float, float]) -> None:
    """A vertical line with what its heights mean, in the place of an axis."""
    axis.plot([at, at], [0, 1], color="#444", linewidth=0.8)
    if len(its.values) <= 6 and (
        hasattr(its.known, "choices") or all(isinstance(v, int) for v in its.values)
    ):
        written = [(its.place(value), in_few(value)) for value in its.values]
    else:
        middle = float(np.sqrt(ends[0] * ends[1])) if its.is_log else sum(ends) / 2
        written = [(value, f"{value:.2g}") for value in (ends[0], middle, ends[1])]
    for place, text in written:
        height = _share(place, *ends, its.is_log)
        box = {"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 0.5}
        axis.text(at + 0.04, height, text, fontsize=9, va="center", bbox=box, zorder=5)


def heat_map(seen: Shown) -> Any:
    """The objective over a search of two values that have few places each: what ended how in each of them."""
    if len(seen.axes) != 2:
        return None
    trials = [*seen.failed, *seen.pruned, *seen.done]
    (down, rows), (across, columns) = (
        (name, scale(known, [trial.params[name] for trial in trials if name in trial.params]).values)
        for name, known in seen.axes.items()
    )
    if max(len(rows), len(columns)) > MOST_CELLS or len(rows) * len(columns) > 2 * len(trials):
        return None
    values = np.full((len(rows), len(columns)), np.nan)
    words: dict[tuple[int, int], str] = {}
    for trial in sorted(trials, key=lambda t: t.state.name == "COMPLETE"):
        if trial.params.keys() != seen.axes.keys():
            return None
        at = rows.index(trial.params[down]), columns.index(trial.params[across])
        if trial.state.name == "COMPLETE":
            better = (np.fmin if seen.minimize else np.fmax)(values[at], trial.value)
            values[at], words[at] = better, f"{better:.3g}"
        else:
            words[at] = f"pruned\n{last_said(trial):.3g}" if trial.state.name == "PRUNED" else "failed"
    made, axes = pictures.figure(size=(1.9 + 0.85 * len(columns), 1.3 + 0.6 * len(rows)))
    axis = axes[0][0]
    norm = norm_of([trial.value for trial in seen.done])
    axis.set_facecolor("#e8e8e8")
    image = axis.imshow(values, cmap="viridis_r" if seen.minimize else "viridis", norm=norm, aspect="auto")
    for (row, column), text in words.items():
        shade = image.cmap(norm(values[row, column])) if np.isfinite(values[row, column]) else (1, 1, 1)
        light = 0.299 * shade[0] + 0.587 * shade[1] + 0.114 * shade[2] > 0.5
        colour = "black" if light else "white"
        axis.text(column, row, text, ha="center", va="center", color=colour, fontsize=9)
    from matplotlib.patches import Rectangle

    row, column = rows.index(seen.best.params[down]), columns.index(seen.best.params[across])
    frame = Rectangle((column - 0.47, row - 0.46), 0.94, 0.92, fill=False, edgecolor=BEST, linewidth=3)
    axis.add_patch(frame)
    axis.set_xticks(range(len(columns)), [in_few(value) for value in columns])
    axis.set_yticks(range(len(rows)), [in_few(value) for value in rows])
    axis.set_xlabel(across)
    axis.set_ylabel(down)
    _bar(made, image, seen)
    made.legend([frame], [f"best, trial {seen.best.number}"], loc="outside lower center", fontsize=8)
    return made


def scatter_map(seen: Shown) -> Any:
    """The objective over the two values that matter most, one at least of which has many places."""
    many = sorted(seen.axes, key=lambda name: not isinstance(seen.best.params.get(name), float))
    order = [*seen.importances, *(name for name in many if name not in seen.importances)]
    everywhere = [name for name in order if all(name in t.params for t in (*seen.done, *seen.pruned))]
    if len(everywhere) < 2:
        return None
    across, down = everywhere[:2]
    if not any(hasattr(seen.axes[name], "low") for name in (across, down)):
        return None
    trials = [*seen.pruned, *seen.done]
    x, y = (scale(seen.axes[name], [trial.params[name] for trial in trials]) for name in (across, down))
    made, axes = pictures.figure(size=(5.4, 3.9))
    axis = axes[0][0]

    def places(some: Sequence[Any]) -> tuple[list[float], list[float]]:
        return [x.place(t.params[across]) for t in some], [y.place(t.params[down]) for t in some]

    axis.plot(*places(seen.pruned), markersize=6, **HOLLOW)
    values = [trial.value for trial in seen.done]
    cmap = "viridis_r" if seen.minimize else "viridis"
    dots = axis.scatter(
        *places(seen.done), c=values, cmap=cmap, norm=norm_of(values), s=60, edgecolors="#444", linewidths=0.6
    )
    axis.plot(*places([seen.best]), **RING)
    axis.margins(0.12)
    x.put_on(axis, "x")
    y.put_on(axis, "y")
    axis.set_xlabel(across)
    axis.set_ylabel(down)
    axis.grid(alpha=0.3)
    _bar(made, dots, seen)
    made.legend(handles=legend(seen), loc="outside lower center", ncols=3, fontsize=8)
    return made


def _bar(made: Any, coloured: Any, seen: Shown) -> None:
    """What the colours mean."""
    bar = made.colorbar(coloured, label=seen.metric)
    if spans_much(values := [trial.value for trial in seen.done]):
        few_numbers(bar.ax.yaxis, min(values), max(values))
