"""A run in MLflow that outlives outages of it.

What MLflow does not take is kept in an offline run's folder of the same id, beside the run's files, and
written once MLflow answers again: after an epoch, at the end, or by src/sync.py.
"""

import shlex
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from deepsquat import tracking
from deepsquat.errors import UserError
from deepsquat.locks import locked
from deepsquat.tracking import importing, mlflow_run, offline, run_folder
from deepsquat.tracking.connection import Connection, failures, reason
from deepsquat.tracking.database import Away
from deepsquat.tracking.run_folder import Logged, Record, now, texts

FOLDER = "unwritten"  # of a run's folder: a run's folder in it for each run

_Call = Callable[[Any], None]  # given a mlflow_run.Run or an offline.Run


@dataclass(frozen=True)
class Place:
    """Where runs are kept. experiment: its id; name: of the experiment."""

    connection: Connection
    experiment: str
    name: str


class LastingRun(tracking.Run):
    """All that is written goes through `_write`, and is remembered until the run has ended."""

    def __init__(self, place: Place, found: Any) -> None:
        """found: MLflow's run."""
        super().__init__(found.info.run_id, found.info.status, found.data.tags)
        self._place, self._start = place, found.info.start_time
        self._name = found.info.run_name
        self._direct = mlflow_run.Run(place.connection.client, self.id, self.status, self._tags)
        self._calls: list[_Call] = []
        self._kept = 0  # calls that the folder has
        self._away = ""  # why MLflow is not written to; empty where it is
        self.folder = Path(self.tag("folder") or ".") / FOLDER / self.id

    def write_unwritten(self) -> bool:
        if not (self.folder / run_folder.RECORD).exists():
            return False
        self._place.connection.wait_for(lambda: write_back(self._place, self.folder, None))
        return True

    def reopen(self) -> None:
        self.write_unwritten()  # else it would end the run again, whenever it is written
        self._write(lambda run: run.reopen())

    def rename(self, name: str) -> None:
        self._write(lambda run: run.rename(name))

    def params(self, values: Mapping[str, Any]) -> None:
        self._write(lambda run: run.params(values))

    def tags(self, values: Mapping[str, Any]) -> None:
        self._write(lambda run: run.tags(values))
        if "folder" in values and not self._away:  # resumed in another
            self.folder = Path(values["folder"]) / FOLDER / self.id

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        logged = Logged.now(values, step)  # with its time, so that a point written twice is one
        self._write(lambda run: run.log(logged))
        self._write_back()

    def dataset(self, name: str, digest: str, source: str, profile: str) -> None:
        self._write(lambda run: run.dataset(name, digest, source, profile))

    def artifact(self, path: Path, folder: str | None = None) -> None:
        self._write(lambda run: run.artifact(path, folder) if path.exists() else None)

    def end(self, status: str) -> None:
        time = now()
        self._write(lambda run: run.end_at(status, time))
        self._write_back()
        self._calls.clear()
        if self._away and status != "FINISHED":  # whoever starts a run says so of one that is finished
            _say(f"Note: {self.unwritten()}")

    def latest_metrics(self) -> dict[str, float]:
        return self._read(lambda run: run.latest_metrics())

    def history(self, keys: Sequence[str]) -> list[dict[str, float]]:
        return self._read(lambda run: run.history(keys))

    def unwritten(self) -> str:
        if not self._away:
            return ""
        if not (self.folder / run_folder.RECORD).exists():
            return f"tracking.uri={self._place.connection.uri} has not all of run {self.id}: {self._away}"
        return (
            f"tracking.uri={self._place.connection.uri} has not all of run {self.id} ({self._away}); "
            f"the rest waits; once it answers: python src/sync.py {shlex.quote(str(self.folder))}"
        )

    def _write(self, call: _Call) -> None:
        self._calls.append(call)
        if not self._away:
            try:
                self._place.connection.check()
                call(self._direct)
                return
            except failures() as error:
                self._away = reason(error)
                _say(
                    f"Note: tracking.uri={self._place.connection.uri} is not written to ({self._away}); the "
                    f"run goes on, and what it logs is kept in {self.folder}."
                )
        with suppress(UserError, OSError):  # tried again with the next call
            self._keep()

    def _keep(self) -> None:
        with _alone(self.folder):
            if not (self.folder / run_folder.RECORD).exists():
                tags = texts(self._tags)
                record = Record(
                    self.id, self._name, self._place.name, "RUNNING", self._start, None, tags, None
                )
                run_folder.write_record(self.folder, record)
                self._kept = 0
            run = offline.Run(self.folder, run_folder.read_record(self.folder))
            while self._kept < len(self._calls):
                self._calls[self._kept](run)
                self._kept += 1

    def _write_back(self) -> None:
        if not self._away or not self._place.connection.answers():
            return
        errors: tuple[type[Exception], ...] = (UserError, *failures())
        try:
            self._keep()
            write_back(self._place, self.folder, None)
        except errors as error:
            self._away = reason(error)
            return
        self._away = ""
        uri = self._place.connection.uri
        _say(f"Note: tracking.uri={uri} is written to again, and has all of run {self.id}.")

    def _read(self, look: Callable[[Any], Any]) -> Any:
        if not self._away:
            with suppress(*failures()):
                self._place.connection.check()
                return look(self._direct)
        with suppress(UserError, OSError):
            return look(offline.Run(self.folder, run_folder.read_record(self.folder)))
        raise UserError(self.unwritten() or f"tracking.uri={self._place.connection.uri} does not answer")


def waiting(folder: Path) -> str:
    """One line on the runs in a study's folder that MLflow has not all of; empty where there are none."""
    count = len(list(folder.glob(f"**/{FOLDER}/*/{run_folder.RECORD}")))
    if not count:
        return ""
    what = f"MLflow has not all of {count} runs of this study; the rest waits; once it answers"
    return f"{what}: python src/sync.py {shlex.quote(str(folder))}"


def write_back(place: Place, folder: Path, draw: importing.Draw | None) -> importing.Imported:
    """Imports a run's folder; where the run began in this store, the folder has done its work and goes.

    Raises:
        UserError: its files are damaged.
        MlflowException, OSError: the store failed.
    """
    client = place.connection.client
    if folder.parent.name != FOLDER:
        return importing.import_run(client, place.experiment, folder, draw)
    with _alone(folder):
        done = importing.import_run(client, place.experiment, folder, draw)
        if done.outcome == importing.DELETED:
            raise Away("the run is deleted there")
        if done.began_there:
            shutil.rmtree(folder)
    return done


def _alone(folder: Path) -> Any:
    """Two processes may write to one run, as to that of a sweep."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    return locked(folder.parent / ".lock")


def _say(text: str) -> None:
    tqdm.write(text, file=sys.stderr)
