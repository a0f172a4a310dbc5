"""What a killed job lost or doubled, beside the same job that was let alone."""

import signal
from pathlib import Path
from typing import Any

import kept
from jobs import SEEDS
from kept import Run
from scenarios import Kind, Scenario

FAULTS = ("lost", "doubled", "stuck", "unusable")
Fault = tuple[str, str]  # one of FAULTS, and what was seen


def state(kind: Kind, home: Path) -> dict[str, Any]:
    """What a job leaves, in a form that two homes can be compared by."""
    if kind.what == "prepare":
        return {"files": kept.prepared(home)}
    finished = [run for run in kept.runs(kind, home) if run.status == "FINISHED"]
    if kind.what == "train":
        return {"run": _facts(finished[0])} if len(finished) == 1 else {}
    children = {run.params["seed"]: _facts(run) for run in finished if run.parent}
    parent = [sorted(kept.artifacts(run)) for run in finished if not run.parent]
    values = {str(trial.params["seed"]): trial.value for trial in kept.trials(home)}
    return {"children": children, "parent": parent, "values": values}


def _facts(run: Run) -> dict[str, Any]:
    metrics = {key: min(values) for key, values in kept.logged(run).items()}
    return {"metrics": metrics, "artifacts": kept.artifacts(run)}


def found(scenario: Scenario, home: Path, reference: dict[str, Any]) -> tuple[list[Fault], list[str]]:
    """The faults in the home of a job that was killed and then brought to its end, and notes."""
    kind = scenario.kind
    if kind.what == "prepare":
        return _differences("", reference["files"], kept.prepared(home)), []
    runs = kept.runs(kind, home)
    if kind.what == "sweep":
        return [*_of_study(home, reference), *_of_children(runs, reference)], []
    faults, notes = _left_running(scenario, runs)
    finished = [run for run in runs if run.status == "FINISHED"]
    faults += _once("the run", finished)
    for run in finished[:1]:
        faults += _of_run("", run, reference["run"])
    return faults, notes


def _left_running(scenario: Scenario, runs: list[Run]) -> tuple[list[Fault], list[str]]:
    """A run that SIGKILL ended before its first checkpoint has nobody who could mark it, or go on with it."""
    running = [run for run in runs if run.status == "RUNNING"]
    lines = [f"run {run.id[:8]} left RUNNING" for run in running]
    if scenario.signal == signal.SIGKILL and not any(_checkpoint(run).exists() for run in running):
        return [], lines
    return [("doubled", line) for line in lines], []


def _checkpoint(run: Run) -> Path:
    return Path(run.tags.get("folder", "/nowhere")) / "last.ckpt"


def _once(what: str, items: list[Any]) -> list[Fault]:
    if len(items) == 1:
        return []
    return (
        [("lost", f"{what} is nowhere")]
        if not items
        else [("doubled", f"{what} is there {len(items)} times")]
    )


def _of_run(what: str, run: Run, reference: dict[str, Any]) -> list[Fault]:
    """Of a finished run: all metrics of all epochs, with one value each, the same files and weights."""
    logged = kept.logged(run)
    faults: list[Fault] = [
        ("doubled", f"{what}{key[0]} of epoch {key[1]} is {' and '.join(map(str, sorted(values)))}")
        for key, values in logged.items()
        if len(values) > 1
    ]
    metrics = {key: min(values) for key, values in logged.items() if len(values) == 1}
    expected = {key: v for key, v in reference["metrics"].items() if len(logged.get(key, ())) < 2}
    faults += _differences(what, expected, metrics)
    return faults + _differences(what, reference["artifacts"], kept.artifacts(run))


def _differences(what: str, expected: dict[Any, Any], seen: dict[Any, Any]) -> list[Fault]:
    lost = [key for key in expected if key not in seen]
    more = [key for key in seen if key not in expected]
    other = [key for key in expected if key in seen and seen[key] != expected[key]]
    faults: list[Fault] = [("lost", f"missing: {_few(what, lost)}")] if lost else []
    faults += [("doubled", f"too much: {_few(what, more)}")] if more else []
    return faults + ([("doubled", f"other than unkilled: {_few(what, other)}")] if other else [])


def _few(what: str, keys: list[Any]) -> str:
    return f"{what}{', '.join(map(str, keys[:4]))} ({len(keys)} in all)"


def _of_study(home: Path, reference: dict[str, Any]) -> list[Fault]:
    trials = kept.trials(home)
    faults: list[Fault] = [
        ("doubled", f"trial {trial.number} left {trial.state.name}")
        for trial in trials
        if trial.state.name in ("RUNNING", "WAITING")
    ]
    for seed in SEEDS:
        complete = [t for t in trials if t.params.get("seed") == seed and t.state.name == "COMPLETE"]
        faults += _once(f"a COMPLETE trial of seed {seed}", complete)
        for trial in complete[:1]:
            faults += _differences(
                "value of seed ", {str(seed): reference["values"][str(seed)]}, {str(seed): trial.value}
            )
    return faults


def _of_children(runs: list[Run], reference: dict[str, Any]) -> list[Fault]:
    parents = [run for run in runs if not run.parent]
    children = [run for run in runs if run.parent]
    faults = _once("the parent run", parents)
    faults += [
        ("doubled", f"{'child' if run.parent else 'parent'} run {run.id[:8]} left {run.status}")
        for run in runs
        if run.status == "RUNNING" or (not run.parent and run.status != "FINISHED")
    ]
    for parent in parents[:1]:
        expected = dict.fromkeys(reference["parent"][0])
        faults += _differences("parent's ", expected, dict.fromkeys(kept.artifacts(parent)))
        faults += [("lost", f"run {r.id[:8]} has no parent") for r in children if r.parent != parent.id]
    for seed, facts in reference["children"].items():
        finished = [r for r in children if r.params.get("seed") == seed and r.status == "FINISHED"]
        faults += _once(f"a FINISHED run of seed {seed}", finished)
        for run in finished[:1]:
            faults += _of_run(f"seed {seed}: ", run, facts)
    return faults
