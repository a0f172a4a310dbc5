"""Where a study is kept: a journal file that survives kills and full disks, or an address of Optuna's."""

import os
import time
from contextlib import AbstractContextManager
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

import optuna
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

from deepsquat.errors import UserError
from deepsquat.files import unwritable
from deepsquat.locks import locked
from deepsquat.processes import uninterrupted


class _Lock(JournalFileOpenLock):
    """Lets one process at a time write to a journal, and cuts off what a writer did not finish.

    The kernel drops the lock with its holder; Optuna's own lock files outlive a killed holder, and everyone
    waits half a minute for them. A last line that is cut short (a kill, a full disk) would be glued to the
    next record, and Optuna could not read the study any more.
    """

    def __init__(self, journal: Path) -> None:
        super().__init__(str(journal))
        self.journal = journal
        self._held: AbstractContextManager[None] | None = None

    def acquire(self) -> bool:
        self._held = locked(self.journal.with_name(f"{self.journal.name}.lock"))
        self._held.__enter__()
        with self.journal.open("rb+") as journal:
            whole = _end_of_last_line(journal)
            if whole < journal.seek(0, os.SEEK_END):
                journal.truncate(whole)
        return True

    def release(self) -> None:
        assert self._held is not None
        self._held.__exit__(None, None, None)


class _Journal(JournalFileBackend):
    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        with uninterrupted():  # else Ctrl-C may leave the lock taken for as long as we live
            super().append_logs(logs)


def _end_of_last_line(file: IO[bytes]) -> int:
    end = file.seek(0, os.SEEK_END)
    while end > 0:
        start = max(0, end - 4096)
        file.seek(start)
        found = file.read(end - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0


@lru_cache(maxsize=4)
def open_storage(address: str) -> optuna.storages.BaseStorage:
    """The storage at an address: a database (sqlite:///x.db, mysql://...) or the path of a journal file.

    Raises:
        UserError: there is no such place, or it holds something else.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    if "://" in address:
        return _database(address)
    path = Path(address)
    if path.is_dir():
        raise UserError(f"{path} is a folder, and no journal of a study; move it away")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        storage = optuna.storages.JournalStorage(_Journal(str(path), lock_obj=_Lock(path)))
        storage.get_all_studies()
    except OSError as error:
        raise unwritable(path, error) from error
    except (ValueError, KeyError, TypeError, AssertionError) as error:
        raise UserError(f"{path} is no journal of Optuna, or is damaged ({error}); move it away") from error
    return storage


def _database(address: str) -> optuna.storages.BaseStorage:
    from sqlalchemy.exc import IntegrityError, OperationalError, SQLAlchemyError

    # Two processes that write at once wait for each other instead of failing.
    more = {"connect_args": {"timeout": 60}} if address.startswith("sqlite") else {"pool_pre_ping": True}
    for attempt in range(20):
        try:
            return optuna.storages.get_storage(optuna.storages.RDBStorage(address, engine_kwargs=more))
        except (SQLAlchemyError, ImportError, ValueError) as error:
            beaten = isinstance(error, IntegrityError | OperationalError) and "exist" in str(error).lower()
            if not (beaten or "UNIQUE" in str(error)) or attempt == 19:
                raise UserError(f"hydra.sweeper.storage={address}: {str(error).splitlines()[0]}") from error
        time.sleep(0.2)  # another process makes the tables just now
    raise AssertionError
