"""What a home holds in the end: runs, trials, tables, read without the program's own code."""

import hashlib
import json
import sqlite3
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

from jobs import STUDY
from scenarios import Kind


@dataclass(frozen=True)
class Run:
    """metrics: (name, step) -> every value that was logged there. artifacts: their folder."""

    id: str
    status: str
    tags: dict[str, str]
    params: dict[str, str]
    metrics: dict[tuple[str, int], set[float]]
    artifacts: Path

    @property
    def parent(self) -> str:
        return self.tags.get("mlflow.parentRunId", "")


def runs(kind: Kind, home: Path) -> list[Run]:
    """All runs that are not deleted; none where the store cannot be read."""
    return _mlflow_runs(home / "mlflow.db") if kind.store == "mlflow" else _offline_runs(home)


def _mlflow_runs(path: Path) -> list[Run]:
    if not path.exists():
        return []
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)
    try:
        rows = database.execute(
            "select run_uuid, status, artifact_uri from runs where lifecycle_stage = 'active'"
        ).fetchall()
        return [_mlflow_run(database, *row) for row in rows]
    except sqlite3.DatabaseError:
        return []
    finally:
        database.close()


def _mlflow_run(database: sqlite3.Connection, run: str, status: str, artifacts: str) -> Run:
    def pairs(table: str) -> dict[str, str]:
        return dict(database.execute(f"select key, value from {table} where run_uuid = ?", (run,)).fetchall())

    metrics: dict[tuple[str, int], set[float]] = {}
    rows = database.execute("select key, step, value from metrics where run_uuid = ?", (run,))
    for key, step, value in rows:
        metrics.setdefault((key, step), set()).add(value)
    folder = Path(unquote(urlparse(artifacts).path))
    return Run(run, status, pairs("tags"), pairs("params"), metrics, folder)


def _offline_runs(home: Path) -> list[Run]:
    found = []
    for path in (home / "multirun" / "offline").glob("*/run.json"):
        record, folder = json.loads(path.read_text()), path.parent
        params = folder / "params.json"
        metrics: dict[tuple[str, int], set[float]] = {}
        lines = folder / "metrics.jsonl"
        for line in lines.read_text().splitlines() if lines.exists() else ():
            logged = json.loads(line)
            for key, value in logged["values"].items():
                metrics.setdefault((key, logged["step"]), set()).add(value)
        values = json.loads(params.read_text()) if params.exists() else {}
        found.append(
            Run(record["id"], record["status"], record["tags"], values, metrics, folder / "artifacts")
        )
    return found


def logged(run: Run) -> dict[tuple[str, int], set[float]]:
    """The metrics that do not tell the time."""
    return {key: v for key, v in run.metrics.items() if key[0].startswith(("train/", "val/", "test/"))}


def artifacts(run: Run) -> dict[str, str]:
    """Name -> hash of its tensors or rows; pictures, which bear the run's id, count by their names.

    Without code.diff: somebody may edit a file between two starts.
    """
    found = {}
    for path in sorted(run.artifacts.rglob("*")):
        if path.is_file() and not path.name.startswith(".") and path.name != "code.diff":
            name = path.relative_to(run.artifacts).as_posix()
            if path.suffix == ".ckpt":
                found[name] = _tensors(path)
            elif path.suffix in (".csv", ".json"):
                found[name] = _sha256(b"\n".join(sorted(path.read_bytes().splitlines())))
            else:
                found[name] = ""
    return found


def _tensors(path: Path) -> str:
    """The hash of all tensors of a checkpoint of torch, in order: a zip with a file for each."""
    with zipfile.ZipFile(path) as file:
        names = [name for name in file.namelist() if "/data/" in name]
        return _sha256(b"".join(file.read(name) for name in names))


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def prepared(home: Path) -> dict[str, str]:
    """Name -> hash of every video, label and table and of the file of images."""
    paths = [*(home / "data" / "raw").rglob("*"), *(home / "data" / "landmarks").rglob("*.parquet")]
    paths.append(home / "images.npz")
    return {
        path.relative_to(home).as_posix(): _sha256(path.read_bytes())
        for path in paths
        if path.is_file() and not path.name.startswith(".")
    }


def trials(home: Path) -> list[Any]:
    """Optuna's FrozenTrials of the study; none where there is no journal."""
    path = home / "multirun" / STUDY / "study.journal"
    if not path.exists():
        return []
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage = JournalStorage(JournalFileBackend(str(path)))
    return list(optuna.load_study(study_name=STUDY, storage=storage).get_trials(deepcopy=False))
