"""The files of a study: its table, and pictures of it."""

import csv
import warnings
from collections.abc import Callable, Mapping, Sequence
from html import escape
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from deepsquat.files import written_whole
from deepsquat.runs import pictures, sweep_pictures, trade_offs
from deepsquat.runs.trials import metrics_of

_STYLE = "body { font: 16px system-ui, sans-serif; margin: .5rem } h1 { font-size: 1.3rem }"


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
    if sum(row["state"] == "COMPLETE" for row in rows) > 1:
        if pictures.can_draw():
            if len(study.directions) == 1:
                sweep_pictures.write(folder, study)
            else:
                trade_offs.write(folder / "trade_offs.png", study)
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
    names = metrics_of(study)
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
    names = metrics_of(study)
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


def _interactive(path: Path, study: Any) -> None:
    """Optuna's plots on one page, with plotly's own code in it once."""
    from optuna import visualization as plots

    metric = metrics_of(study)[0]
    kinds: tuple[Callable[[], Any], ...] = (
        lambda: plots.plot_optimization_history(study, target_name=metric),
        lambda: _by_epoch(plots.plot_intermediate_values(study), study, metric),
        lambda: plots.plot_param_importances(study, target_name=metric),
        lambda: plots.plot_parallel_coordinate(study, target_name=metric),
        lambda: plots.plot_slice(study, target_name=metric),
        lambda: plots.plot_timeline(study),
    )
    if len(study.directions) > 1:  # the front of four and more says so itself, and is left out
        kinds = (lambda: plots.plot_pareto_front(study), kinds[-1])
    parts: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for plot in kinds:
            try:
                made = plot()
            except (KeyError, ValueError, RuntimeError, ZeroDivisionError, ImportError):
                continue  # too little to show yet
            made.update_layout(margin={"l": 50, "r": 20, "t": 60, "b": 50}, height=440)
            made.update_layout(
                legend={"orientation": "h", "y": -0.25}
            )  # under the plot, whose width it takes
            whole = not parts
            parts.append(made.to_html(full_html=False, include_plotlyjs=whole, config={"responsive": True}))
    head = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(study.study_name)}</title><style>{_STYLE}</style></head>"
    )
    parts = [f"<div>{part}</div>" for part in parts]
    body = f"<h1>{escape(study.study_name)}</h1>{''.join(parts)}"
    with written_whole(path) as temporary:
        temporary.write_text(f"{head}<body>{body}</body></html>\n", encoding="utf-8")


def _by_epoch(made: Any, study: Any, metric: str) -> Any:
    """Whole numbers below, and the names of what is shown."""
    last = max((step for t in study.get_trials(deepcopy=False) for step in t.intermediate_values), default=0)
    if not last:
        raise ValueError("nothing was reported on the way")
    made.update_xaxes(title_text="epoch", dtick=max(1, last // 10))
    made.update_yaxes(title_text=metric)
    return made
