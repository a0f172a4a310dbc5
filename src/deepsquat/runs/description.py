"""What a study's own run says of it, as Markdown: MLflow shows it at the top of the run's page."""

import shlex
from collections.abc import Mapping
from typing import Any

from deepsquat.runs.study import markdown, table
from deepsquat.runs.trials import metrics_of

NOTE = "mlflow.note.content"  # the tag that MLflow shows as a run's description
MOST = 10  # trials that are named
_ACROSS = 76  # characters of a line
_CHARACTERS = 4000  # MLflow takes 8,000 bytes


def description(study: Any, name: str, command: str, state: str, runs: Mapping[int, str]) -> str:
    """state: of the sweep, in words. runs: the ids of the best trials' runs, by trial.

    The best comes first, since the page folds all but some lines away, and no line is long: a page that is
    wider than its window hides the values of its tables.
    """
    identity = study.user_attrs["identity"]
    rows = [row for row in table(study) if row["state"] in ("COMPLETE", "PRUNED")]
    sampler, pruner = (identity[f"hydra.sweeper.{key}"] for key in ("sampler", "pruner"))
    names = metrics_of(study)
    parts = []
    for trial in study.best_trials[:MOST] if rows else []:
        values = ", ".join(f"{key} {value:.6g}" for key, value in zip(names, trial.values, strict=False))
        run = f", run {runs[trial.number]}" if trial.number in runs else ""
        exact = "\n".join(f"{key}={value!r}" for key, value in trial.params.items())
        parts += [f"**Best: trial {trial.number}, {values}**{run}:", _code(exact)]
    if rows and len(study.directions) == 1:
        parts += [
            "To train it again, with or without other values:",
            _code(f"python src/train.py {shlex.quote(f'from={name}')}"),
        ]
    objectives = ", ".join(
        f"{direction.name.lower()} {metric}"
        for metric, direction in zip(names, study.directions, strict=False)
    )
    parts += [
        f"**{len(rows)} done, {state}.** {objectives}; sampler {sampler}, pruner {pruner}; swept:",
        _code("\n".join(identity["swept"].split(" "))),
        "The sweep, and what resumes it:",
        _code(_folded(command)),
        _best(study, rows),
        "All trials and the pictures: the artifacts of this run.",
    ]
    text = "\n\n".join(parts)
    return text if len(text) <= _CHARACTERS else text[:_CHARACTERS] + " ..."


def _folded(command: str) -> str:
    """The same command over several lines, as a shell takes them."""
    lines = [""]
    for word in map(shlex.quote, shlex.split(command)):
        if lines[-1] and len(lines[-1]) + len(word) > _ACROSS:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}".lstrip()
    return " \\\n  ".join(lines)


def _best(study: Any, rows: list[dict[str, Any]]) -> str:
    done = [row for row in rows if row["state"] == "COMPLETE"]
    if len(study.directions) == 1:
        value = metrics_of(study)[0]
        done.sort(key=lambda row: row[value], reverse=study.directions[0].name == "MAXIMIZE")
    dropped = ("state", "error")
    return markdown([{k: v for k, v in row.items() if k not in dropped} for row in done[:MOST]])


def _code(text: str) -> str:
    return f"```\n{text}\n```"
