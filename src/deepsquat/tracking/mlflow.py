"""One MLflow run a training. The only module that knows MLflow, with `sync` and the report."""

import logging
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from deepsquat import tracking
from deepsquat.errors import UserError

BATCH = 1000  # metrics and params that MLflow takes in one call: 1,000 and 100
PARAMS = 100


@dataclass(frozen=True)
class MlflowOptions:
    """Where runs are kept."""

    uri: str
    artifacts: str  # folder for artifacts, for a store without a server
    experiment: str = "deepsquat"

    def __post_init__(self) -> None:
        for name in ("uri", "artifacts"):
            if not getattr(self, name).strip():
                raise UserError(f"tracking.{name} is empty; leave it out, or say where the runs are kept")

    def open_store(self) -> "Store":
        if find_spec("mlflow") is None:
            raise UserError(
                "tracking=mlflow: MLflow is not installed here; pip install mlflow, or keep the runs as "
                "plain files with tracking=offline"
            )
        return _store(self)

    def how_to_look(self) -> str:
        folder = Path(self.artifacts).parent
        if self.uri == f"sqlite:///{folder}/mlflow.db":
            return f"mlflow ui, in {folder}"
        if self.uri.startswith("sqlite:"):
            return f"mlflow ui --backend-store-uri {self.uri}"
        return self.uri


@lru_cache(maxsize=4)  # opening one takes longer than all that a short training writes to it
def _store(options: MlflowOptions) -> "Store":
    return Store(options)


class Store(tracking.Store):
    """An MLflow tracking store and one experiment in it."""

    def __init__(self, options: MlflowOptions) -> None:
        from mlflow.exceptions import MlflowException
        from mlflow.tracking import MlflowClient
        from sqlalchemy.exc import SQLAlchemyError

        logging.getLogger("mlflow").setLevel(logging.ERROR)
        logging.getLogger("alembic").setLevel(logging.ERROR)
        if options.uri.startswith("sqlite:///"):
            _folder_of(options.uri)
        try:
            self.client = MlflowClient(options.uri)
            found = self.client.get_experiment_by_name(options.experiment)
            if found is not None and found.lifecycle_stage == "deleted":
                raise UserError(
                    f"tracking.experiment={options.experiment} is deleted in {options.uri}; "
                    "restore it or name another"
                )
            self.experiment = found.experiment_id if found else self._create(options)
        except (MlflowException, SQLAlchemyError) as error:
            raise unusable(options.uri, error) from error
        self.uri = options.uri

    def _create(self, options: MlflowOptions) -> str:
        from mlflow.exceptions import MlflowException

        location = None
        if options.uri.startswith("sqlite:"):
            location = Path(options.artifacts).resolve().as_uri()
        try:
            return str(self.client.create_experiment(options.experiment, artifact_location=location))
        except MlflowException:  # another process was faster
            found = self.client.get_experiment_by_name(options.experiment)
            if found is None:
                raise
            return str(found.experiment_id)

    def start(self, name: str, tags: Mapping[str, str]) -> "Run":
        from mlflow.exceptions import MlflowException

        try:
            run = self.client.create_run(self.experiment, run_name=name, tags=dict(tags))
        except MlflowException as error:
            raise unusable(self.uri, error) from error
        return Run(self, run.info.run_id, run.info.status, run.data.tags)

    def tagged(self, tags: Mapping[str, str]) -> "list[tracking.Run]":
        wanted = " AND ".join(f"tags.`{key}` {_is(value)}" for key, value in tags.items())
        found: list[tracking.Run] = []
        token: str | None = None
        while True:
            page = self.client.search_runs(
                [self.experiment], wanted, order_by=["attributes.start_time"], page_token=token
            )
            found += [
                Run(self, run.info.run_id, run.info.status, run.data.tags)
                for run in page
                if tags.items() <= run.data.tags.items()
            ]
            token = page.token
            if not token:
                return found

    def find(self, run_id: str) -> "Run":
        from mlflow.exceptions import MlflowException

        try:
            found = self.client.get_run(run_id)
        except MlflowException as error:
            raise UserError(f"there is no run {run_id} in {self.uri}; mlflow ui lists the runs") from error
        if found.info.lifecycle_stage == "deleted":
            raise UserError(f"the run {run_id} is deleted in {self.uri}; restore it, or start a new one")
        return Run(self, run_id, found.info.status, found.data.tags)


def _is(value: str) -> str:
    """In a filter: equal to the value. MLflow knows no escape, so that _ stands for a quote among quotes."""
    if "'" not in value:
        return f"= '{value}'"
    if '"' not in value:
        return f'= "{value}"'
    return "LIKE '" + value.replace("'", "_") + "'"


def unusable(uri: str, error: Exception) -> UserError:
    """The store failed: its disk is full, it cannot be reached, it is no store."""
    reason = str(error).splitlines()[0].split(". ")[0]
    return UserError(f"tracking.uri={uri}: {reason}; see whether it can be reached and has room")


def _folder_of(uri: str) -> None:
    path = Path(uri.removeprefix("sqlite:///"))
    if not path.parent.is_dir():
        raise UserError(
            f"tracking.uri={uri}: the folder {path.parent} does not exist; create it or name another"
        )
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise UserError(f"tracking.uri={uri}: cannot be written; choose a place you may write to")


class Run(tracking.Run):
    """One MLflow run."""

    def __init__(self, store: Store, run_id: str, status: str, tags: Mapping[str, str]) -> None:
        super().__init__(run_id, status, tags)
        self.client, self.uri = store.client, store.uri

    def go_on(self) -> None:
        self.client.update_run(self.id, status="RUNNING")
        if "error" in self._tags:
            self.client.delete_tag(self.id, "error")

    def params(self, values: Mapping[str, Any]) -> None:
        from mlflow.entities import Param

        items = [Param(key, str(value)) for key, value in values.items()]
        for start in range(0, len(items), PARAMS):
            self.client.log_batch(self.id, params=items[start : start + PARAMS])

    def tags(self, values: Mapping[str, Any]) -> None:
        from mlflow.entities import RunTag

        self.client.log_batch(self.id, tags=[RunTag(key, str(value)) for key, value in values.items()])

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        self.points([Metric(key, float(value), now, step) for key, value in values.items()])

    def points(self, items: Sequence[Any]) -> None:
        """MLflow's own Metric entities, each with its time and step."""
        for start in range(0, len(items), BATCH):
            self.client.log_batch(self.id, metrics=items[start : start + BATCH])

    def dataset(self, name: str, digest: str, source: str, profile: str) -> None:
        """The data set that the run was given, as MLflow's own dataset input."""
        from mlflow.entities import Dataset, DatasetInput, InputTag

        entity = Dataset(name=name, digest=digest[:36], source_type="local", source=source, profile=profile)
        self.client.log_inputs(
            self.id, datasets=[DatasetInput(entity, tags=[InputTag("mlflow.data.context", "training")])]
        )

    def artifact(self, path: Path, folder: str | None = None) -> None:
        if path.is_dir():
            self.client.log_artifacts(self.id, str(path), folder)
        else:
            self.client.log_artifact(self.id, str(path), folder)

    def latest_metrics(self) -> dict[str, float]:
        return dict(self.client.get_run(self.id).data.metrics)

    def history(self, keys: Sequence[str]) -> list[dict[str, float]]:
        rows: dict[int, dict[str, float]] = {}
        for key in keys:
            for metric in sorted(self.client.get_metric_history(self.id, key), key=lambda m: m.timestamp):
                rows.setdefault(metric.step, {"epoch": metric.step})[key] = metric.value
        return [rows[step] for step in sorted(rows)]

    def end(self, status: str) -> None:
        self.client.set_terminated(self.id, status)

    @contextmanager
    def ending(self, pruned: type[Exception]) -> Iterator[tracking.Run]:
        from mlflow.exceptions import MlflowException

        try:
            with super().ending(pruned):
                yield self
        except MlflowException as error:
            raise unusable(self.uri, error) from error
