"""MLflow's SQLite file: whoever is killed while it is made, it is whole or not there."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from deepsquat.errors import UserError
from deepsquat.tracking import database
from deepsquat.tracking.connection import Connection, _make_tables
from deepsquat.tracking.database import Away

_OPEN = """
import sys
sys.path.insert(0, "src")
from deepsquat.tracking.connection import Connection
Connection("sqlite:///" + sys.argv[1], sys.argv[2]).client.create_experiment(sys.argv[3])
"""


def _opening(path: Path, name: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", _OPEN, str(path), str(path.parent / "mlruns"), name])


def _fast(path: Path) -> None:
    """A database that counts as whole, in no time."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE experiments (a)")
        connection.execute("CREATE TABLE alembic_version (version_num)")
        connection.execute("INSERT INTO alembic_version VALUES (?)", [database._newest()])
        connection.commit()


def _old(path: Path, seconds: float = 60) -> None:
    os.utime(path, (time.time() - seconds,) * 2)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_kill_while_it_is_made_leaves_no_file_and_the_next_start_makes_it(
    number: int, tmp_path: Path
) -> None:
    path = tmp_path / "mlflow.db"
    process = _opening(path, "killed")
    while not list(tmp_path.glob(".mlflow.*.part.db")):
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(number)
    process.wait()
    assert not path.exists()
    database.prepare(path, _fast)
    assert {found.name for found in tmp_path.iterdir()} <= {"mlflow.db", ".mlflow.db.lock"}


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0.0, 0.5, 1.5])
def test_what_a_kill_of_mlflow_itself_left_is_replaced(seconds: float, tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    code = "import sys; from mlflow import MlflowClient; MlflowClient(sys.argv[1]).search_experiments()"
    process = subprocess.Popen([sys.executable, "-c", code, f"sqlite:///{path}"])
    while not path.exists():
        time.sleep(0.01)
    time.sleep(seconds)
    process.kill()
    process.wait()
    client = Connection(f"sqlite:///{path}", str(tmp_path / "mlruns")).client
    assert [found.name for found in client.search_experiments()] == ["Default"]


@pytest.mark.slow
def test_two_processes_that_start_at_once_share_one(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    for process in [_opening(path, name) for name in ("one", "two", "three")]:
        assert process.wait(300) == 0
    found = MlflowClient(f"sqlite:///{path}").search_experiments()
    assert {experiment.name for experiment in found} == {"Default", "one", "two", "three"}


def test_what_was_left_of_one_half_made_is_replaced_once_nobody_makes_it(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    with closing(
        sqlite3.connect(path)
    ) as connection:  # as a kill of MLflow in its first migrations leaves it
        connection.execute("CREATE TABLE experiments (a)")
        connection.execute("CREATE TABLE alembic_version (version_num)")
        connection.execute("INSERT INTO alembic_version VALUES ('451aebb31d03')")
        connection.commit()
    with pytest.raises(Away, match="another program is making it"):
        database.prepare(path, _fast)
    _old(path)
    database.prepare(path, _fast)
    assert database._is_whole(path) and (tmp_path / "mlflow.db.unfinished").exists()
    path.write_bytes(b"")
    _old(path)
    database.prepare(path, _fast)
    assert database._is_whole(path)


def test_a_database_that_another_program_has_begun_meanwhile_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mlflow.db"

    name = database._name

    def late(temporary: Path, path: Path) -> None:
        path.write_bytes(b"theirs")
        name(temporary, path)

    monkeypatch.setattr(database, "_name", late)
    database.prepare(path, _fast)
    assert path.read_bytes() == b"theirs"
    assert not list(tmp_path.glob(".mlflow.*.part.db"))


def _with_schema(path: Path, version: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE experiments (a)")
        connection.execute("INSERT INTO experiments VALUES (1)")
        connection.execute("CREATE TABLE alembic_version (version_num)")
        connection.execute("INSERT INTO alembic_version VALUES (?)", [version])
        connection.commit()


def _with_table(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE songs (a)")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            lambda path: _with_schema(path, "451aebb31d03"),
            "make a copy of it, then: mlflow db upgrade sqlite:///",
        ),
        (lambda path: _with_schema(path, "feedfacecafe"), "that of a newer MLflow than the "),
        (_with_table, "another program's database; name another"),
        (lambda path: path.mkdir(), "this is no file; take it away or name another"),
        (lambda path: path.write_bytes(b"no database" * 1000), "file is not a database; bring back a copy"),
    ],
)
def test_what_mlflow_cannot_work_with_is_one_line_and_stays_as_it_is(
    spoil, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "mlflow.db"
    spoil(path)
    before = path.read_bytes() if path.is_file() else b""
    with pytest.raises(UserError, match=message) as caught:
        database.prepare(path, _fast)
    assert "\n" not in str(caught.value) and f"tracking.uri=sqlite:///{path}" in str(caught.value)
    assert before == (path.read_bytes() if path.is_file() else b"")


def test_a_locked_database_is_away_and_so_is_one_that_was_replaced(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    _fast(path)
    inode = path.stat().st_ino
    database.check_free(path, inode, 0.1)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        with pytest.raises(Away, match="locked"):
            database.prepare(path, _fast)
        with pytest.raises(Away, match="locked"):
            database.check_free(path, inode, 0.1)
    database.check_free(path, inode, 0.1)
    path.rename(tmp_path / "moved.db")
    with pytest.raises(Away, match="gone"):
        database.check_free(path, inode, 0.1)
    _fast(path)
    with pytest.raises(Away, match="gone"):
        database.check_free(path, inode, 0.1)


def test_the_tables_are_mlflows_own(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    _make_tables(path, str(tmp_path / "mlruns"))
    tables, version, used = database._looked_at(path)
    assert version == database._newest() and used and {"runs", "metrics", "experiments"} <= tables
