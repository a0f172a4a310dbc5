"""One offline run into MLflow: whole and once, and again where it has been resumed since.

An imported run bears two tags: `offline.id`, by which it is found again, and `offline.state`, how far it had
come with a hash of all that was imported. The second is written last; so an import that was cut short is
completed, and a run that has been resumed is updated. A run that MLflow knows by its own id, since it began
there, needs neither.
"""

import hashlib
import json
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from deepsquat.tracking import PARENT, run_folder
from deepsquat.tracking.mlflow_run import Run
from deepsquat.tracking.run_folder import Logged, Record

ID, STATE = "offline.id", "offline.state"
IMPORTED, UPDATED, THERE = "imported", "brought up to date", "already there"
DELETED = "deleted there and left out"
# Given the folder of a run, its id in MLflow and a folder for the pictures.
Draw = Callable[[Path, str, Path], None]


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


@dataclass(frozen=True)
class Imported:
    """What was done. began_there: MLflow knows the run by its own id."""

    outcome: str
    began_there: bool
    parent_missing: bool


def import_run(client: Any, experiment: str, folder: Path, draw: Draw | None) -> Imported:
    """Imports one run, or updates it. experiment: the id of the one that a new run goes into.

    Raises:
        UserError: the run's files are damaged.
        MlflowException: the store failed, or does not take what the files hold.
    """
    content = _Content.of(folder)
    record = content.record
    found = find_imported(client, experiment, record.id)
    began_there = found is not None and found.info.run_id == record.id
    parent = find_imported(client, experiment, record.tags.get(PARENT, ""))
    parent_id = parent.info.run_id if parent else None
    missing = PARENT in record.tags and parent is None

    def done(outcome: str) -> Imported:
        return Imported(outcome, began_there, missing)

    if found and found.info.lifecycle_stage == "deleted":
        return done(DELETED)
    state = content.state(parent_id or "")
    before = found.data.tags.get(STATE, "") if found else ""
    if before == state or _reach(before) > _reach(state):  # the same, or an older copy
        return done(THERE)
    run = _as_run(client, found or _created(client, experiment, record))
    if found and found.info.run_name != record.name:  # it has ended since, and is named by its result
        run.rename(record.name)
    _import_values(run, content, parent_id, found)
    for name in content.artifacts:
        below = str(Path(name).parent)
        run.artifact(folder / run_folder.ARTIFACTS / name, None if below == "." else below)
    if draw is not None:
        _draw_missing(run, folder, content, draw)
    if record.end_time is None:
        client.update_run(run.id, record.status)
    else:
        client.set_terminated(run.id, record.status, record.end_time)
    if not began_there:
        run.tags({STATE: state})
    return done(UPDATED if before or began_there else IMPORTED)


def _as_run(client: Any, found: Any) -> Run:
    return Run(client, found.info.run_id, found.info.status, found.data.tags)


def _created(client: Any, experiment: str, record: Record) -> Any:
    return client.create_run(experiment, record.start_time, {ID: record.id}, run_name=record.name)


def find_imported(client: Any, experiment: str, run_id: str) -> Any:
    """MLflow's run, deleted or not, that bears this id or that this offline run was imported as, or None."""
    from mlflow.entities import ViewType
    from mlflow.exceptions import MlflowException

    if not run_folder.is_id(run_id):
        return None
    runs = client.search_runs([experiment], f"tags.`{ID}` = '{run_id}'", ViewType.ALL)
    if runs:
        return min(runs, key=lambda run: run.info.lifecycle_stage != "active")
    try:
        return client.get_run(run_id)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return None


def _import_values(run: Run, content: _Content, parent: str | None, found: Any) -> None:
    """What MLflow's database holds of a run. found: the run as it stood there, None where it is new."""
    record = content.record
    run.params({key: v for key, v in content.params.items() if not found or key not in found.data.params})
    run.points(_new_points(run, content.metrics, found is not None))
    if record.dataset and not (found and found.inputs.dataset_inputs):
        run.dataset(**record.dataset)
    tags = {key: value for key, value in record.tags.items() if key != PARENT}
    run.tags({**tags, PARENT: parent} if parent else tags)
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
    if content.record.status != "FINISHED" or PARENT in content.record.tags:
        return
    with TemporaryDirectory() as temporary:
        draw(folder, run.id, Path(temporary))
        run.artifact(Path(temporary))
