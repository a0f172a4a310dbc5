"""Runs in MLflow. An outage of it, once a run has begun, does not end the run."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from deepsquat import tracking
from deepsquat.errors import UserError
from deepsquat.tracking.connection import Connection, connect, failures, unusable
from deepsquat.tracking.lasting import LastingRun, Place


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

    def how_to_look(self, page: str = "") -> str:
        """What a user does to look at the runs. page: what stands behind the address."""
        if self.uri.startswith(("http:", "https:")):
            return f"{self.uri.rstrip('/')}{page}"
        folder = Path(self.artifacts).parent
        ui = f"mlflow ui --backend-store-uri {shlex.quote(self.uri)}"
        if self.uri == f"sqlite:///{folder}/mlflow.db":
            ui = "make ui" if (folder / "Makefile").is_file() else f"mlflow ui, in {folder}"
        return f"{ui}, then http://127.0.0.1:5000{page}"


@lru_cache(maxsize=32)  # what is imported may be of many experiments
def _store(options: MlflowOptions) -> "Store":
    return Store(options)


class Store(tracking.Store):
    """An MLflow tracking store and one experiment in it."""

    def __init__(self, options: MlflowOptions) -> None:
        self.connection: Connection = connect(options.uri, options.artifacts)
        self.client, self.uri, self.options = self.connection.client, options.uri, options
        self.experiment = self.connection.wait_for(lambda: self._find_or_create(options))
        self.place = Place(self.connection, self.experiment, options.experiment)

    def _find_or_create(self, options: MlflowOptions) -> str:
        from mlflow.exceptions import MlflowException

        found = self.client.get_experiment_by_name(options.experiment)
        if found is not None and found.lifecycle_stage == "deleted":
            raise UserError(
                f"tracking.experiment={options.experiment} is deleted in {options.uri}; "
                "restore it or name another"
            )
        if found is not None:
            return str(found.experiment_id)
        location = Path(options.artifacts).resolve().as_uri() if self.connection.file else None
        try:
            return str(self.client.create_experiment(options.experiment, artifact_location=location))
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
            return self._find_or_create(options)  # another process was faster

    def start(self, name: str, tags: Mapping[str, str]) -> LastingRun:
        self.connection.wait_for_answer()
        try:
            run = self.client.create_run(self.experiment, run_name=name, tags=dict(tags))
        except failures() as error:
            raise unusable(self.uri, error) from error
        return self._run(run)

    def tagged(self, tags: Mapping[str, str]) -> list[tracking.Run]:
        return self.connection.wait_for(lambda: self._tagged(tags))

    def _tagged(self, tags: Mapping[str, str]) -> list[tracking.Run]:
        wanted = " AND ".join(f"tags.`{key}` {_is(value)}" for key, value in tags.items())
        found: list[tracking.Run] = []
        token: str | None = None
        while True:
            page = self.client.search_runs(
                [self.experiment], wanted, order_by=["attributes.start_time"], page_token=token
            )
            found += [self._run(run) for run in page if tags.items() <= run.data.tags.items()]
            token = page.token
            if not token:
                return found

    def _run(self, run: Any) -> LastingRun:
        return LastingRun(self.place, run)

    def how_to_look(self, run_id: str | None = None) -> str:
        # The pages' default view is for traces of language models, of which there are none.
        which = "" if run_id is None else f"/{run_id}"
        page = f"/#/experiments/{self.experiment}/runs{which}?workflowType=machine_learning"
        return self.options.how_to_look(page)

    def find(self, run_id: str) -> LastingRun:
        found = self.connection.wait_for(lambda: self._get_run(run_id))
        if found.info.lifecycle_stage == "deleted":
            raise UserError(f"the run {run_id} is deleted in {self.uri}; restore it, or start a new one")
        run = self._run(found)
        if run.write_unwritten():
            return self._run(self.connection.wait_for(lambda: self._get_run(run_id)))
        return run

    def register(self, run_id: str, folder: Path, name: str, alias: str | None) -> str:
        self.find(run_id)  # which says it where there is no such run
        version = self.connection.wait_for(lambda: self._registered(run_id, folder, name, alias))
        return f"{name}{'@' if alias else ''}{alias or ''}, version {version}"

    def _registered(self, run_id: str, folder: Path, name: str, alias: str | None) -> str:
        from mlflow.exceptions import MlflowException

        place = alias or "model"
        self.client.log_artifacts(run_id, str(folder), place)
        source = f"{self.client.get_run(run_id).info.artifact_uri}/{place}"
        try:
            self.client.create_registered_model(name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        version = str(self.client.create_model_version(name, source, run_id).version)
        if alias is not None:
            self.client.set_registered_model_alias(name, alias, version)
        return version

    def _get_run(self, run_id: str) -> Any:
        from mlflow.exceptions import MlflowException

        try:
            return self.client.get_run(run_id)
        except MlflowException as error:
            if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                raise
            raise UserError(f"there is no run {run_id} in {self.uri}; mlflow ui lists the runs") from error


def _is(value: str) -> str:
    """In a filter: equal to the value. MLflow knows no escape, so that _ stands for a quote among quotes."""
    if "'" not in value:
        return f"= '{value}'"
    if '"' not in value:
        return f'= "{value}"'
    return "LIKE '" + value.replace("'", "_") + "'"
