"""Runs as plain files, where there is no MLflow and no network; src/sync.py brings them into MLflow."""

import os
import shlex
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from deepsquat import tracking
from deepsquat.errors import UserError
from deepsquat.files import expanded, unwritable, written_whole
from deepsquat.tracking import run_folder
from deepsquat.tracking.run_folder import Logged, Record, locked, now, texts


@dataclass(frozen=True)
class OfflineOptions:
    """Where runs are kept, a folder each, and which experiment of MLflow they are meant for."""

    folder: str
    experiment: str = "deepsquat"

    def open_store(self) -> "Store":
        return Store(self)


class Store(tracking.Store):
    """A folder with a folder for each run, named by its id."""

    def __init__(self, options: OfflineOptions) -> None:
        self.folder = expanded(options.folder, "tracking.folder").resolve()
        self.experiment = options.experiment
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise unwritable(self.folder, error) from error
        if not os.access(self.folder, os.W_OK | os.X_OK):
            raise UserError(
                f"tracking.folder={self.folder}: cannot be written; choose a place you may write to"
            )

    def start(self, name: str, tags: Mapping[str, str]) -> "Run":
        run_id = uuid.uuid4().hex
        record = Record(run_id, name, self.experiment, "RUNNING", now(), None, texts(tags), None)
        run_folder.write_record(self.folder / run_id, record)
        return Run(self.folder / run_id, record)

    def tagged(self, tags: Mapping[str, str]) -> "list[tracking.Run]":
        folders = [path.parent for path in self.folder.glob(f"*/{run_folder.RECORD}")]
        records = [(folder, record) for folder in folders if (record := _sound(folder)) is not None]
        found = [(f, r) for f, r in records if tags.items() <= r.tags.items()]
        return [Run(*each) for each in sorted(found, key=lambda each: (each[1].start_time, each[1].id))]

    def how_to_look(self, run_id: str | None = None) -> str:
        sync = f"python src/sync.py {shlex.quote(str(self.folder))}"
        return f"{sync}, on a machine with MLflow that has this folder"

    def find(self, run_id: str) -> "Run":
        folder = self.folder / run_id
        if not run_folder.is_id(run_id) or not (folder / run_folder.RECORD).exists():
            raise UserError(
                f"there is no run {run_id} in {self.folder}; its folders are named by the ids of the runs"
            )
        return Run(folder, run_folder.read_record(folder))


class Run(tracking.Run):
    """One folder. Another process may write to it too, so every change starts from what is on the disk."""

    def __init__(self, folder: Path, record: Record) -> None:
        super().__init__(record.id, record.status, record.tags)
        self.folder = folder

    @contextmanager
    def _writing(self) -> Iterator[Record]:
        """Keeps others from writing, and gives the record as it stands."""
        with locked(self.folder):
            yield run_folder.read_record(self.folder)

    def _write(self, record: Record) -> None:
        run_folder.write_record(self.folder, record)

    def reopen(self) -> None:
        with self._writing() as record:
            tags = {key: value for key, value in record.tags.items() if key != "error"}
            self._write(replace(record, status="RUNNING", end_time=None, tags=tags))

    def rename(self, name: str) -> None:
        with self._writing() as record:
            self._write(replace(record, name=texts({"": name})[""]))

    def params(self, values: Mapping[str, Any]) -> None:
        with locked(self.folder):
            run_folder.add_params(self.folder, texts(values))

    def tags(self, values: Mapping[str, Any]) -> None:
        with self._writing() as record:
            self._write(replace(record, tags={**record.tags, **texts(values)}))

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        self.log(Logged.now(values, step))

    def log(self, logged: Logged) -> None:
        with locked(self.folder):
            run_folder.append_metrics(self.folder, logged)

    def dataset(self, name: str, digest: str, source: str, profile: str) -> None:
        given = {"name": name, "digest": digest, "source": source, "profile": profile}
        with self._writing() as record:
            self._write(replace(record, dataset=texts(given)))

    def artifact(self, path: Path, folder: str | None = None) -> None:
        target = self.folder / run_folder.ARTIFACTS / (folder or "")
        if not path.is_dir():
            _copy(path, target / path.name)
            return
        for file in path.rglob("*"):
            if file.is_file():
                _copy(file, target / file.relative_to(path))

    def latest_metrics(self) -> dict[str, float]:
        """The value of each metric at its last step, and the latest there where there are several."""
        latest: dict[str, tuple[int, int, float]] = {}
        for logged in run_folder.read_metrics(self.folder):
            for key, value in logged.values.items():
                if key not in latest or (logged.step, logged.time) >= latest[key][:2]:
                    latest[key] = (logged.step, logged.time, value)
        return {key: value for key, (_, _, value) in latest.items()}

    def history(self, keys: Sequence[str]) -> list[dict[str, float]]:
        return run_folder.by_step(run_folder.read_metrics(self.folder), keys)

    def end(self, status: str) -> None:
        self.end_at(status, now())

    def end_at(self, status: str, time: int) -> None:
        """time: milliseconds since 1970."""
        with self._writing() as record:
            self._write(replace(record, status=status, end_time=time))


def _sound(folder: Path) -> Record | None:
    """The run's record; None, said once, where it is damaged: it stops none of the others."""
    try:
        return run_folder.read_record(folder)
    except UserError as error:
        _say(f"Note: {error}; it is passed over")
        return None


@cache
def _say(line: str) -> None:
    print(line, flush=True)


def _copy(source: Path, target: Path) -> None:
    with written_whole(target) as temporary:
        shutil.copyfile(source, temporary)
