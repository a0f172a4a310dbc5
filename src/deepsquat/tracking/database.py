"""MLflow's SQLite file: made whole or not at all, and looked at before MLflow opens it.

MLflow makes its tables in the file itself, in some seconds and dozens of steps, and cannot open what a kill
left of it; and of an old file it changes some tables unasked.
"""

import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing, suppress
from functools import lru_cache
from pathlib import Path

from deepsquat.errors import UserError
from deepsquat.files import unwritable
from deepsquat.locks import locked

_MAKING = 10.0  # seconds in which whoever is making a database has written to it


class Away(Exception):
    """The store does not answer now, but may later. The message says what is the matter."""


def path_of(uri: str) -> Path | None:
    """The file of an SQLite store; None for any other store."""
    if not uri.startswith("sqlite:///"):
        return None
    return Path(uri.removeprefix("sqlite:///").split("?")[0]).resolve()


def prepare(path: Path, make: Callable[[Path], None]) -> None:
    """Makes the database where there is none, and refuses one that MLflow could not work with.

    make: fills a new file. Of several processes at once one makes it.

    Raises:
        UserError: it cannot be used.
        Away: it is locked, or another program is making it.
    """
    _check_place(path)
    if _is_whole(path):
        return
    try:
        with locked(path.with_name(f".{path.name}.lock"), seconds=0):
            if not _is_whole(path):
                _make(path, make)
    except TimeoutError:
        raise Away("another process is making it") from None


def check_free(path: Path, inode: int, seconds: float) -> None:
    """Raises Away: the file is no longer the one of this inode, or was locked for so many seconds."""
    try:
        same = path.stat().st_ino == inode
    except OSError:
        same = False
    if not same:
        raise Away("the file is gone, or another has taken its place")
    try:
        with closing(_open(path, seconds)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
    except sqlite3.Error as error:
        raise Away(str(error)) from error


def _check_place(path: Path) -> None:
    if not path.parent.is_dir():
        raise UserError(f"{_named(path)}: the folder {path.parent} does not exist; create it or name another")
    if path.exists() and not path.is_file():
        raise UserError(f"{_named(path)}: this is no file; take it away or name another")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise UserError(f"{_named(path)}: cannot be written; choose a place you may write to")


def _named(path: Path) -> str:
    return f"tracking.uri=sqlite:///{path}"


def _open(path: Path, seconds: float) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.resolve().as_uri()}?mode=rw", uri=True, timeout=seconds, isolation_level=None
    )


def _is_whole(path: Path) -> bool:
    """Whether MLflow can work with the file; False: there is none, or what was left of one half made."""
    if not path.exists():
        return False
    tables, version, used = _looked_at(path)
    if tables and not tables & {"experiments", "alembic_version"}:
        raise UserError(f"{_named(path)}: this is another program's database; name another")
    if version == _newest():
        return True
    if used or (version and not _is_known(version)):
        raise UserError(f"{_named(path)}: {other_schema(f'sqlite:///{path}', version)}")
    if time.time() - path.stat().st_mtime < _MAKING:
        raise Away("another program is making it")
    return False


def _looked_at(path: Path) -> tuple[set[str], str | None, bool]:
    """The names of the tables, the version of their schema, and whether there is any experiment.

    MLflow writes the first experiment once the last table is there.
    """
    try:
        with closing(_open(path, 1)) as connection:
            connection.execute("BEGIN IMMEDIATE")  # fails where another program writes
            tables = {
                name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")
            }
            version = used = None
            if "alembic_version" in tables:
                version = connection.execute("SELECT version_num FROM alembic_version").fetchone()
            if "experiments" in tables:
                used = connection.execute("SELECT 1 FROM experiments").fetchone()
            connection.execute("ROLLBACK")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise Away("another program has locked it") from error
        raise UserError(f"{_named(path)}: {error}; see whether it can be read, or name another") from error
    except sqlite3.DatabaseError as error:
        raise UserError(
            f"{_named(path)}: {error}; bring back a copy of it, or move it away to begin anew"
        ) from error
    return tables, version[0] if version else None, used is not None


def other_schema(uri: str, version: str | None) -> str:
    """What a user does with a database of another version of MLflow."""
    from mlflow import __version__

    if version and not _is_known(version):
        return (
            f"its schema, {version}, is that of a newer MLflow than the {__version__} that is installed; "
            "pip install that one, or name another"
        )
    return (
        f"its schema, {version}, is that of an older MLflow; make a copy of it, then: mlflow db upgrade {uri}"
    )


def _is_known(version: str) -> bool:
    """Whether the installed MLflow has a schema of this version; it has not those of newer ones."""
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError
    from mlflow.store.db.utils import _get_alembic_config

    try:
        ScriptDirectory.from_config(_get_alembic_config("")).get_revision(version)
    except CommandError:
        return False
    return True


@lru_cache(maxsize=1)
def _newest() -> str:
    """The version of the schema that the installed MLflow works with."""
    from mlflow.store.db.utils import _get_latest_schema_revision

    return str(_get_latest_schema_revision())


def _name(temporary: Path, path: Path) -> None:
    """Raises FileExistsError: there is one of this name already."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        temporary.replace(path)


def _make(path: Path, make: Callable[[Path], None]) -> None:
    """Under another name first. The lock is held, so that older such files are leavings of a kill."""
    pattern = f".{path.stem}.*.part{path.suffix}*"
    for left in path.parent.glob(pattern):
        left.unlink(missing_ok=True)
    left_over = path.exists()
    apart = f" What a kill left of it is now {path.name}.unfinished." if left_over else ""
    print(f"Making {path}, MLflow's database: once, in some seconds.{apart}", flush=True)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        make(temporary)
        if left_over:
            path.replace(path.with_name(f"{path.name}.unfinished"))
        with suppress(FileExistsError):  # MLflow itself, as `mlflow ui`, has begun one: that one counts
            _name(temporary, path)
    except OSError as error:
        raise unwritable(path, error) from error
    finally:
        for left in path.parent.glob(pattern):
            left.unlink(missing_ok=True)
