"""The files of a study: its table, and pictures of it."""

import csv
import warnings
from collections.abc import Callable, Mapping, Sequence
from html import escape
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from deepsquat.files import written_whole
from deepsquat.runs import pictures


def write(folder: Path, study: Any) -> None:
    """Writes into `folder` what there is of the study to see.

    table.csv and table.md have the last trial of each point, trials.csv every one. Where matplotlib is
    installed, there are PNGs, and where plotly is, interactive.html, a page of 5 MB that needs no network.
    """
    rows = table(study)
    _write_csv(folder / "table.csv", rows)
    _write_csv(folder / "trials.csv", every_trial(study))
    with written_whole(folder / "table.md") as path:
        path.write_text(markdown(rows), encoding="utf-8")
    if len(study.directions) == 1 and sum(row["state"] == "COMPLETE" for row in rows) > 1:
        if pictures.can_draw():
            _pictures(folder, study)
        else:
            print("Note: no pictures of the study, since matplotlib is not installed here.")
        if find_spec("plotly") is not None:
            _interactive(folder / "interactive.html", study)


def _write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Columns in the order of their first rows; a row without one of them leaves it empty."""
    columns = list(dict.fromkeys(key for row in rows for key in row)) or ["trial"]
    with written_whole(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)


def every_trial(study: Any) -> list[dict[str, Any]]:
    """One row a trial, those that another process ran included, exact: what it was, and what came of it."""
    names = study.metric_names or [f"value {i}" if i else "value" for i in range(len(study.directions))]
    return [
        {
            "trial": trial.number,
            "point": trial.user_attrs.get("point", ""),
            "state": trial.state.name,
            "ended": trial.user_attrs.get("ended", ""),
            **trial.params,
            **dict(zip(names, trial.values or [""] * len(names), strict=True)),
            "begun": trial.datetime_start.isoformat(" ", "seconds") if trial.datetime_start else "",
            "seconds": trial.user_attrs.get("seconds", ""),
            "resumes": " ".join(map(str, trial.user_attrs.get("earlier", []))),
            "code": trial.user_attrs.get("version", ""),
            "error": trial.user_attrs.get("error", ""),
        }
        for trial in study.get_trials(deepcopy=False)
    ]


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
    columns = list(dict.fromkeys(key for row in rows for key in row))
    lines = [columns, ["---"] * len(columns)]
    cells = [[row.get(column, "") for column in columns] for row in rows]
    lines += [[f"{v:.4g}" if isinstance(v, float) else str(v) for v in row] for row in cells]
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
            except (KeyError, ValueError, RuntimeError, ZeroDivisionError, ImportError):
                continue  # too little to show yet, or no scikit-learn for the importances
            with written_whole(folder / f"{name}.png") as path:
                pyplot.gcf().savefig(path, dpi=120, bbox_inches="tight")
            pyplot.close("all")


def _interactive(path: Path, study: Any) -> None:
    """Optuna's plots on one page, with plotly's own code in it once."""
    from optuna import visualization as plots

    kinds = (
        plots.plot_optimization_history,
        plots.plot_param_importances,
        plots.plot_parallel_coordinate,
        plots.plot_slice,
        plots.plot_timeline,
    )
    parts: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for plot in kinds:
            try:
                made = plot(study)
            except (KeyError, ValueError, RuntimeError, ZeroDivisionError, ImportError):
                continue  # too little to show yet
            parts.append(made.to_html(full_html=False, include_plotlyjs=not parts))
    head = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(study.study_name)}</title>'
    with written_whole(path) as temporary:
        temporary.write_text(f"{head}<body>{''.join(parts)}</body></html>\n", encoding="utf-8")


def _heat_map(study: Any) -> None:
    """The values of a grid over two parameters."""
    import numpy as np
    from matplotlib import pyplot

    done = [t for t in study.get_trials(deepcopy=False) if t.state.name == "COMPLETE"]
    axes = done[0].distributions
    if any(trial.distributions.keys() != axes.keys() for trial in done):
        raise ValueError("not every trial has the same values")
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
