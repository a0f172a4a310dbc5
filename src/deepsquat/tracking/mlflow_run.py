"""A run in MLflow, call by call."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from deepsquat import tracking
from deepsquat.tracking.run_folder import Logged, now

BATCH = 1000  # metrics and params that MLflow takes in one call: 1,000 and 100
PARAMS = 100


class Run(tracking.Run):
    """One MLflow run. Every method fails where the store does."""

    def __init__(self, client: Any, run_id: str, status: str, tags: Mapping[str, str]) -> None:
        super().__init__(run_id, status, tags)
        self.client = client

    def reopen(self) -> None:
        self.client.update_run(self.id, status="RUNNING")
        if "error" in self._tags:
            self.client.delete_tag(self.id, "error")

    def rename(self, name: str) -> None:
        self.client.update_run(self.id, name=name)

    def params(self, values: Mapping[str, Any]) -> None:
        from mlflow.entities import Param

        items = [Param(key, str(value)) for key, value in values.items()]
        for start in range(0, len(items), PARAMS):
            self.client.log_batch(self.id, params=items[start : start + PARAMS])

    def tags(self, values: Mapping[str, Any]) -> None:
        from mlflow.entities import RunTag

        self.client.log_batch(self.id, tags=[RunTag(key, str(value)) for key, value in values.items()])

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        self.log(Logged.now(values, step))

    def log(self, logged: Logged) -> None:
        from mlflow.entities import Metric

        self.points([Metric(key, v, logged.time, logged.step) for key, v in logged.values.items()])

    def points(self, items: Sequence[Any]) -> None:
        """MLflow's own Metric entities, each with its time and step."""
        for start in range(0, len(items), BATCH):
            self.client.log_batch(self.id, metrics=items[start : start + BATCH])

    def dataset(self, name: str, digest: str, source: str, profile: str) -> None:
        """The data set that the run was given, as MLflow's own dataset input."""
        from mlflow.entities import Dataset, DatasetInput, InputTag
        from mlflow.exceptions import MlflowException

        entity = Dataset(name=name, digest=digest[:36], source_type="local", source=source, profile=profile)
        inputs = [DatasetInput(entity, tags=[InputTag("mlflow.data.context", "training")])]
        try:
            self.client.log_inputs(self.id, datasets=inputs)
        except MlflowException as error:
            if not re.search("unique|duplicate", str(error), re.IGNORECASE):
                raise
            self.client.log_inputs(self.id, datasets=inputs)  # another run has just added it: now it is found

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
        self.end_at(status, now())

    def end_at(self, status: str, time: int) -> None:
        """time: milliseconds since 1970."""
        self.client.set_terminated(self.id, status, time)
