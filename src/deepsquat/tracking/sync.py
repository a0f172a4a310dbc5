"""Brings offline runs into MLflow: each one whole and once, and again where it has gone on since.

An imported run bears two tags: `offline.id`, by which it is found again, and `offline.state`, how far it had
come with a hash of all that was imported. The second is written last; so an import that was cut short is
completed, and a run that has gone on is brought up to date.
"""

import hashlib
import json
import math
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tqdm import tqdm

from deepsquat.errors import UserError
from deepsquat.locks import locked
from deepsquat.tracking import run_folder
from deepsquat.tracking.mlflow import MlflowOptions, Run, Store, unusable
from deepsquat.tracking.run_folder import Logged, Record

ID, STATE = "offline.id", "offline.state"
_PARENT = "mlflow.parentRunId"
_IMPORTED, _UPDATED, _THERE = "imported", "brought up to date", "already there"
_DELETED, _ORPHANS = "deleted there and left out", "orphans"
# Given the folder of a run, its id in MLflow and a folder for the pictures.
Draw = Callable[[Path, str, Path], None]
_NAME_ONE = "name a folder that tracking=offline has filled: python src/sync.py DIR"


def import_runs(folder: Path, options: MlflowOptions, draw: Draw) -> None:
    """Imports every run in `folder` or anywhere below it.

    options: the store; where its experiment is "", each run goes into the one that it names.
    draw: makes the pictures that a run lacks.

    Raises:
        UserError: there is no run, the store cannot be used, or a run is damaged: the others are imported.
    """
    problems: list[str] = []
    found = _furthest_of_each(_records(folder, problems))
    if not found and not problems:
        raise UserError(f"{folder}: there is no run in it or below it; {_NAME_ONE}")
    os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"  # else a server's address for every run
    from mlflow.exceptions import MlflowException

    counts: Counter[str] = Counter()

    @cache
    def store(experiment: str) -> Store:
        return replace(options, experiment=options.experiment or experiment).open_store()

    try:
        with _alone(options):
            for place, record in tqdm(_parents_first(found), unit="run", disable=None, file=sys.stderr):
                into = store(record.experiment)
                try:
                    _bring(into, place, counts, draw)
                except UserError as error:
                    problems.append(str(error))
                except MlflowException as error:
                    if error.error_code != "INVALID_PARAMETER_VALUE":
                        raise
                    problems.append(f"{place}: MLflow does not take it ({str(error).splitlines()[0]})")
    except MlflowException as error:
        raise unusable(options.uri, error) from error
    _say(counts, options)
    if problems:
        raise UserError(f"{len(problems)} could not be imported: {'; '.join(problems)}")


def _records(folder: Path, problems: list[str]) -> list[tuple[Path, Record]]:
    """The folders of runs with their records; what cannot be read is added to the problems."""
    if not folder.is_dir():
        what = "is no folder" if folder.exists() else "there is no such folder"
        raise UserError(f"{folder}: {what}; {_NAME_ONE}")

    def unreadable(error: OSError) -> None:
        problems.append(f"{error.filename}: cannot be read ({error.strerror})")

    found = []
    for place, below, names in os.walk(folder, onerror=unreadable):
        if run_folder.RECORD in names:
            below.clear()
            try:
                found.append((Path(place), run_folder.read_record(Path(place))))
            except UserError as error:
                problems.append(str(error))
    return found


def _furthest_of_each(found: Sequence[tuple[Path, Record]]) -> dict[str, tuple[Path, Record]]:
    """By id; of several copies of a run the one that has come furthest."""

    def reach(copy: tuple[Path, Record]) -> tuple[int, int]:
        metrics = copy[0] / run_folder.METRICS
        return metrics.stat().st_size if metrics.is_file() else 0, copy[1].end_time or 0

    return {copy[1].id: copy for copy in sorted(found, key=reach)}


def _parents_first(found: Mapping[str, tuple[Path, Record]]) -> list[tuple[Path, Record]]:
    """Oldest first among those that are equally deep."""

    def ancestors(record: Record, below: frozenset[str] = frozenset()) -> int:
        parent = record.tags.get(_PARENT, "")
        if parent not in found or parent in below:
            return 0
        return 1 + ancestors(found[parent][1], below | {record.id})

    return sorted(found.values(), key=lambda pair: (ancestors(pair[1]), pair[1].start_time))


@contextmanager
def _alone(options: MlflowOptions) -> Iterator[None]:
    """Two imports into one file at once would each find a run missing, and each make it."""
    if not options.uri.startswith("sqlite:"):
        yield
        return
    folder = Path(options.artifacts)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with locked(folder / ".sync", seconds=0):
            yield
    except TimeoutError:
        raise UserError(f"{options.uri}: another src/sync.py writes to it; wait for it to end") from None


@dataclass(frozen=True)
class _Content:
    """All that a run's folder holds, read at once, since the run may be going on. artifacts: name -> size."""

    record: Record
    params: dict[str, str]
    metrics: list[Logged]
    artifacts: dict[str, int]

    @classmethod
    def of(cls, folder: Path) -> "_Content":
        record, params = run_folder.read_record(folder), run_folder.read_params(folder)
        metrics = run_folder.read_metrics(folder)
        paths = {name: folder / run_folder.ARTIFACTS / name for name in run_folder.artifacts(folder)}
        return cls(record, params, metrics, {name: path.stat().st_size for name, path in paths.items()})

    def state(self, parent: str) -> str:
        """How far the run has come, and a hash of all of it and of the run that it is put under."""
        digest = hashlib.sha256(json.dumps([asdict(self), parent]).encode()).hexdigest()
        return f"{len(self.metrics)} {self.record.end_time or 0} {digest}"


def _reach(state: str) -> tuple[int, ...]:
    """How far a run had come when this was its state: lines of metrics, and when it ended."""
    return tuple(int(word) for word in state.split()[:2] if word.isdecimal())


def _bring(store: Store, folder: Path, counts: Counter[str], draw: Draw) -> None:
    """Imports one run, or brings it up to date.

    Raises:
        UserError: the run's files are damaged.
        MlflowException: the store failed, or does not take what the files hold.
    """
    content = _Content.of(folder)
    record = content.record
    parent = _found(store, record.tags.get(_PARENT, ""))
    counts[_ORPHANS] += _PARENT in record.tags and parent is None
    state = content.state(parent.info.run_id if parent else "")
    found = _found(store, record.id)
    before = found.data.tags.get(STATE, "") if found else ""
    if found and found.info.lifecycle_stage == "deleted":
        counts[_DELETED] += 1
        return
    if before == state or _reach(before) > _reach(state):  # the same, or an older copy
        counts[_THERE] += 1
        return
    made = found or store.client.create_run(
        store.experiment, record.start_time, {ID: record.id}, run_name=record.name
    )
    run = Run(store, made.info.run_id, made.info.status, made.data.tags)
    _bring_values(run, content, parent.info.run_id if parent else None, found)
    for name in content.artifacts:
        below = str(Path(name).parent)
        run.artifact(folder / run_folder.ARTIFACTS / name, None if below == "." else below)
    _draw_missing(run, folder, content, draw)
    if record.end_time is None:
        store.client.update_run(run.id, record.status)
    else:
        store.client.set_terminated(run.id, record.status, record.end_time)
    run.tags({STATE: state})
    counts[_UPDATED if before else _IMPORTED] += 1


def _found(store: Store, offline_id: str) -> Any:
    """MLflow's run, deleted or not, that this one was imported as; None where it was not."""
    from mlflow.entities import ViewType

    if not run_folder.is_id(offline_id):
        return None
    runs = store.client.search_runs([store.experiment], f"tags.`{ID}` = '{offline_id}'", ViewType.ALL)
    return min(runs, key=lambda run: run.info.lifecycle_stage != "active", default=None)


def _bring_values(run: Run, content: _Content, parent: str | None, found: Any) -> None:
    """What MLflow's database holds of a run. found: the run as it stood there, None where it is new."""
    record = content.record
    run.params({key: v for key, v in content.params.items() if not found or key not in found.data.params})
    run.points(_new_points(run, content.metrics, found is not None))
    if record.dataset and not (found and found.inputs.dataset_inputs):
        run.dataset(**record.dataset)
    tags = {key: value for key, value in record.tags.items() if key != _PARENT}
    run.tags({**tags, _PARENT: parent} if parent else tags)
    if found and "error" in found.data.tags and "error" not in tags:  # a run that goes on takes it off
        run.client.delete_tag(run.id, "error")


def _new_points(run: Run, metrics: Sequence[Logged], known: bool) -> list[Any]:
    """MLflow's Metrics of all that was logged; of a run that is known there, only what it lacks."""
    from mlflow.entities import Metric

    points = {
        _same(point): point
        for logged in metrics
        for point in (Metric(key, v, logged.time, logged.step) for key, v in logged.values.items())
    }
    for key in {point.key for point in points.values()} if known else ():
        for there in run.client.get_metric_history(run.id, key):
            points.pop(_same(there), None)
    return list(points.values())


def _same(point: Any) -> tuple[str, int, int, float | None]:
    """What is equal in two Metrics that are one. A database keeps infinity as its largest number."""
    largest = sys.float_info.max
    value = None if math.isnan(point.value) else min(max(point.value, -largest), largest)
    return point.key, point.step, point.timestamp, value


def _draw_missing(run: Run, folder: Path, content: _Content, draw: Draw) -> None:
    """The pictures of a whole run that was made where nothing could draw them; a sweep's trials have none."""
    if content.record.status != "FINISHED" or _PARENT in content.record.tags:
        return
    with TemporaryDirectory() as temporary:
        draw(folder, run.id, Path(temporary))
        run.artifact(Path(temporary))


def _say(counts: Counter[str], options: MlflowOptions) -> None:
    outcomes = [_IMPORTED, _UPDATED, _THERE, *([_DELETED] if counts[_DELETED] else [])]
    said = ", ".join(f"{counts[outcome]} {outcome}" for outcome in outcomes)
    print(f"Runs: {said}. To look at them: {options.how_to_look()}")
    if counts[_ORPHANS]:
        print(
            f"Note: {counts[_ORPHANS]} of a sweep whose own run is not among them; "
            "they are put under it once that one is imported too."
        )
