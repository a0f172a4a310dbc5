"""The files of a study: its table, and pictures of it."""

import csv
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from deepsquat.files import written_whole
from deepsquat.runs import pictures


def write(folder: Path, study: Any) -> None:
    """Writes table.csv, table.md and, where matplotlib is, PNGs of what there is to show into `folder`."""
    rows = table(study)
    with written_whole(folder / "table.csv") as path, path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]) if rows else ["trial"])
        writer.writeheader()
        writer.writerows(rows)
    with written_whole(folder / "table.md") as path:
        path.write_text(markdown(rows), encoding="utf-8")
    if len(study.directions) == 1 and sum(row["state"] == "COMPLETE" for row in rows) > 1:
        if pictures.can_draw():
            _pictures(folder, study)
        else:
            print("Note: no pictures of the study, since matplotlib is not installed here.")


def table(study: Any) -> list[dict[str, Any]]:
    """One row a grid point, its last trial: number, state, parameters, values, seconds, error."""
    last: dict[int, Any] = {}
    for trial in study.get_trials(deepcopy=False):
        if "point" in trial.user_attrs and trial.user_attrs.get("ended") != "withdrawn":
            last[trial.user_attrs["point"]] = trial
    names = study.metric_names or [f"value {i}" if i else "value" for i in range(len(study.directions))]
    return [
        {
            "trial": trial.number,
            "state": trial.state.name,
            **trial.params,
            **dict(zip(names, trial.values or [""] * len(names), strict=True)),
            "seconds": round(trial.user_attrs.get("seconds", 0), 1),
            "error": trial.user_attrs.get("error", ""),
        }
        for _, trial in sorted(last.items())
    ]


def markdown(rows: list[dict[str, Any]]) -> str:
    """As a table, numbers to four digits."""
    if not rows:
        return "No trial yet.\n"
    lines = [list(rows[0]), ["---"] * len(rows[0])]
    lines += [[f"{v:.4g}" if isinstance(v, float) else str(v) for v in row.values()] for row in rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def _pictures(folder: Path, study: Any) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from optuna.exceptions import ExperimentalWarning
    from optuna.visualization import matplotlib as plots

    kinds: dict[str, Callable[[Any], Any]] = {
        "history": plots.plot_optimization_history,
        "importances": plots.plot_param_importances,
        "parallel": plots.plot_parallel_coordinate,
        "slices": plots.plot_slice,
        "grid": _heat_map,
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        warnings.simplefilter("ignore", UserWarning)
        for name, plot in kinds.items():
            try:
                plot(study)
            except (ValueError, RuntimeError, ZeroDivisionError, ImportError):
                continue  # too little to show yet, or no scikit-learn for the importances
            with written_whole(folder / f"{name}.png") as path:
                pyplot.gcf().savefig(path, dpi=120, bbox_inches="tight")
            pyplot.close("all")


def _heat_map(study: Any) -> None:
    """The values of a grid over two parameters."""
    import numpy as np
    from matplotlib import pyplot

    done = [t for t in study.get_trials(deepcopy=False) if t.state.name == "COMPLETE"]
    axes = done[0].distributions
    if len(axes) != 2 or not all(hasattr(axis, "choices") for axis in axes.values()):
        raise ValueError("no grid over two parameters")
    (down, rows), (across, columns) = ((name, list(axis.choices)) for name, axis in axes.items())
    values = np.full((len(rows), len(columns)), np.nan)
    for trial in done:
        values[rows.index(trial.params[down]), columns.index(trial.params[across])] = trial.value
    figure, axis = pyplot.subplots(figsize=(1.5 + 1.2 * len(columns), 1 + 0.7 * len(rows)))
    image = axis.imshow(values, cmap="viridis", aspect="auto")
    axis.set_xticks(range(len(columns)), [f"{c:g}" if isinstance(c, float) else str(c) for c in columns])
    axis.set_yticks(range(len(rows)), [f"{r:g}" if isinstance(r, float) else str(r) for r in rows])
    axis.set_xlabel(across)
    axis.set_ylabel(down)
    axis.grid(False)
    middle = np.nanmean([np.nanmin(values), np.nanmax(values)])
    for (i, j), value in np.ndenumerate(values):
        colour = "black" if value > middle else "white"
        axis.text(j, i, "" if np.isnan(value) else f"{value:.3g}", ha="center", va="center", color=colour)
    figure.colorbar(image, label=(study.metric_names or ["value"])[0])
