"""Pictures of a study of one objective: what came out, trial by trial and value by value."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from deepsquat.runs import maps, pictures
from deepsquat.runs.trials import (
    BEST,
    DONE,
    FAILED,
    HOLLOW,
    PRUNED,
    RING,
    Shown,
    last_said,
    legend,
    make_log,
    scale,
    shown,
    spans_much,
)


def write(folder: Path, study: Any) -> None:
    """Writes those of the pictures that there is something to show in."""
    seen = shown(study)
    kinds: dict[str, Callable[[Shown], Any]] = {
        "history": history,
        "epochs": epochs,
        "importances": shares,
        "parallel": maps.parallel,
        "slices": slices,
        "grid": maps.heat_map,
        "map": maps.scatter_map,
    }
    for name, draw in kinds.items():
        if len(seen.done) > 1 and (made := draw(seen)) is not None:
            made.suptitle(seen.name, fontsize=10)
            pictures.write(made, folder / f"{name}.png")


def history(seen: Shown) -> Any:
    """The value of each trial, and the best so far."""
    made, axes = pictures.figure(size=(6, 3.6))
    axis = axes[0][0]
    values = np.array([trial.value for trial in seen.done])
    numbers = [trial.number for trial in seen.done]
    best = (np.minimum if seen.minimize else np.maximum).accumulate(values)
    axis.step(numbers, best, where="post", color=BEST, label="best so far")
    axis.plot(numbers, values, "o", color=DONE, label="complete")
    if seen.pruned:
        said = [last_said(trial) for trial in seen.pruned]
        axis.plot([t.number for t in seen.pruned], said, label="pruned, its last value", **HOLLOW)
    if spans_much(all_ := [*values, *map(last_said, seen.pruned)]):
        make_log(axis, "y", all_)
    if seen.failed:
        at = axis.get_xaxis_transform()  # they have no value, so they stand on the axis
        numbers = [trial.number for trial in seen.failed]
        kind = {"marker": "x", "color": FAILED, "linestyle": "none", "clip_on": False}
        axis.plot(numbers, np.zeros(len(numbers)), transform=at, label="failed", **kind)
    axis.plot([seen.best.number], [seen.best.value], label=f"best, trial {seen.best.number}", **RING)
    _finish(made, axis, "trial", seen.metric)
    return made


def epochs(seen: Shown) -> Any:
    """What each trial reported on its way; the pruned ones end where they were pruned."""
    reported = [trial for trial in (*seen.done, *seen.pruned) if len(trial.intermediate_values) > 1]
    if not reported:
        return None
    made, axes = pictures.figure(size=(6, 3.6))
    axis = axes[0][0]
    for trial in (*seen.done, *seen.pruned):
        steps = sorted(trial.intermediate_values)
        values = [trial.intermediate_values[step] for step in steps]
        if trial in seen.pruned:
            axis.plot(steps, values, color=PRUNED, linewidth=1, linestyle="--")
            axis.plot(steps[-1:], values[-1:], **HOLLOW)
        elif steps and trial is not seen.best:
            axis.plot(steps, values, color=DONE, linewidth=1, alpha=0.6)
    steps = sorted(seen.best.intermediate_values)
    if steps:
        label = f"best, trial {seen.best.number}"
        axis.plot(steps, [seen.best.intermediate_values[s] for s in steps], color=BEST, lw=2.5, label=label)
    axis.plot([], [], color=DONE, linewidth=1, alpha=0.6, label="complete")
    if seen.pruned:
        axis.plot([], [], label="pruned", **{**HOLLOW, "linestyle": "--"})
    every = [v for trial in (*seen.done, *seen.pruned) for v in trial.intermediate_values.values()]
    if spans_much(every):
        make_log(axis, "y", every)
    _finish(made, axis, "epoch", seen.metric)
    return made


def _finish(made: Any, axis: Any, counted: str, metric: str) -> None:
    """What two pictures over whole numbers have alike; the legend hides no point."""
    axis.set_xlabel(counted)
    axis.set_ylabel(metric)
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.grid(alpha=0.3)
    made.legend(loc="outside lower center", ncols=3, fontsize=8)


def shares(seen: Shown) -> Any:
    """How much of the objective's changes each swept value accounts for."""
    if not seen.importances:
        return None
    names, values = list(seen.importances), list(seen.importances.values())
    made, axes = pictures.figure(size=(6, 1 + 0.35 * len(names)))
    axis = axes[0][0]
    axis.barh(names, values, color=DONE, height=0.6)
    for row, value in enumerate(values):
        axis.text(value, row, f" {value:.0%}", va="center", fontsize=8)
    axis.set_xlim(0, 1.12 * max(values))
    axis.set_xlabel(f"share of how much {seen.metric} varies")
    axis.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axis.invert_yaxis()
    return made


def slices(seen: Shown) -> Any:
    """The objective over each swept value, one panel a value."""
    names, across = list(seen.axes), min(3, len(seen.axes))
    if not names:
        return None
    made, axes = pictures.figure(across, (2.9, 2.7), rows=-(-len(names) // across))
    for axis in axes.flat[len(names) :]:
        axis.set_visible(False)
    said = [last_said(trial) for trial in (*seen.done, *seen.pruned)]
    for axis, name in zip(axes.flat, names, strict=False):
        of = [trial for trial in (*seen.done, *seen.pruned) if name in trial.params]
        its = scale(seen.axes[name], [trial.params[name] for trial in of])
        for trials, kind in (
            (seen.pruned, {**HOLLOW, "markersize": 5}),
            (seen.done, {"marker": "o", "markersize": 5, "color": DONE, "alpha": 0.75, "linestyle": "none"}),
            ([seen.best], RING),
        ):
            with_it = [trial for trial in trials if name in trial.params]
            axis.plot([its.place(t.params[name]) for t in with_it], list(map(last_said, with_it)), **kind)
        axis.margins(0.12)
        its.put_on(axis, "x")
        if spans_much(said):
            make_log(axis, "y", said)
        axis.set_xlabel(name)
        axis.grid(alpha=0.3)
    for row in axes:
        row[0].set_ylabel(seen.metric)
    made.legend(handles=legend(seen), loc="outside lower center", ncols=3, fontsize=8)
    return made
