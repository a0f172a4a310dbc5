"""Where a study is kept: a journal file that survives kills and full disks, or an address of Optuna's."""

import os
import sys
import threading
import time
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import lru_cache
from pathlib import Path
from typing import IO, Any, TypeVar

import optuna
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from tqdm import tqdm

from deepsquat.errors import UserError
from deepsquat.files import unwritable
from deepsquat.locks import locked
from deepsquat.processes import uninterrupted

PATIENCE = 300.0  # seconds for which a server that was there may be away
OPENING = 10.0  # seconds for which one that is asked for the first time may be
# How PostgreSQL and its driver say that the server starts or ends just now.
_RESTARTS = ("Connection refused", "starting up", "shutting down", "server closed the connection")

T = TypeVar("T")


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


class _Patient:
    """A storage behind a server: a call that the server did not take is made again, until it is back.

    Optuna tries little again, so that a report at the moment of a restart would end its trial. A call of
    which only the answer was lost is made twice: it sets what is set already, finds the trial ended, or makes
    a second trial, which `Points.claim` knows of.
    """

    def __init__(self, storage: Any, address: str, away: tuple[type[Exception], ...]) -> None:
        self._storage, self._address, self._away = storage, address, away
        self._given_up = False

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._storage, name)
        if name.startswith("_") or not callable(found):
            return found
        return lambda *arguments, **named: self._until_taken(lambda: found(*arguments, **named))

    def _until_taken(self, call: Callable[[], T]) -> T:
        """
        Raises:
            UserError: the server was away for longer than PATIENCE, now or before.
        """
        start, said = time.monotonic(), False
        while True:
            try:
                return call()
            except Exception as error:
                cause = error if isinstance(error, self._away) else error.__cause__
                if not isinstance(cause, self._away):
                    raise
                # The thread of heartbeats comes again by itself.
                waits = threading.current_thread() is threading.main_thread() and not self._given_up
                if not waits or time.monotonic() - start > PATIENCE:
                    self._given_up = self._given_up or waits
                    raise _unusable(self._address, cause, "once it is back, type the same command") from error
                if not said:
                    words = f"hydra.sweeper.storage={self._address} does not answer"
                    tqdm.write(f"{words}; tried again for {PATIENCE:.0f} s", file=sys.__stderr__)
                    said = True
            time.sleep(0.5)


@lru_cache(maxsize=4)
def open_storage(address: str) -> Any:
    """The storage at an address: a database (sqlite:///x.db, postgresql+psycopg://...), a proxy of Optuna's
    in front of one (grpc://HOST:PORT), or the path of a journal file.

    Raises:
        UserError: there is no such place, or it holds something else.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    if address.startswith("grpc://"):
        return _proxy(address)
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


def _database(address: str) -> _Patient:
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import (
        IntegrityError,
        InterfaceError,
        OperationalError,
        PendingRollbackError,
        SQLAlchemyError,
    )

    file = address.startswith("sqlite")
    # Two processes that write at once wait for each other instead of failing.
    more: dict[str, Any] = {"connect_args": {"timeout": 60}} if file else {"pool_pre_ping": True}
    start = time.monotonic()
    while True:
        try:
            if make_url(address).password:
                raise UserError(
                    "hydra.sweeper.storage: a password in it would be kept with each run; "
                    "leave it out, and write it into ~/.pgpass"
                )
            storage = optuna.storages.get_storage(optuna.storages.RDBStorage(address, engine_kwargs=more))
            return _Patient(storage, address, (OperationalError, InterfaceError, PendingRollbackError))
        except (SQLAlchemyError, ImportError, ValueError, RuntimeError) as error:
            # Another process makes the tables just now, or the server is restarted.
            beaten = isinstance(error, IntegrityError | OperationalError) and "exists" in str(error)
            passes = beaten or "UNIQUE" in str(error) or any(word in str(error) for word in _RESTARTS)
            if not passes or time.monotonic() - start > OPENING:
                missing = isinstance(error, ImportError) and address.startswith("postgresql")
                what = "pip install psycopg[binary]" if missing else ""
                raise _unusable(address, error, what) from error
        time.sleep(0.2)


def _proxy(address: str) -> _Patient:
    host, _, port = address.removeprefix("grpc://").rpartition(":")
    if not host or not port.isdecimal():
        raise UserError(f"hydra.sweeper.storage={address}: give it as grpc://HOST:PORT")
    try:
        import grpc
    except ImportError as error:
        raise _unusable(address, error, "pip install grpcio") from error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        storage = optuna.storages.GrpcStorageProxy(host=host, port=int(port))
    try:
        storage.wait_server_ready(timeout=int(OPENING))
        storage.get_all_studies()
    except (ConnectionError, grpc.RpcError) as error:
        raise _unusable(address, error, "start the proxy, or name where it is") from error
    return _Patient(storage, address, (grpc.RpcError,))


def _unusable(address: str, error: BaseException, what: str) -> UserError:
    """In one line. what: to do."""
    reason = (str(error) or type(error).__name__).splitlines()[0]
    return UserError(f"hydra.sweeper.storage={address}: {reason}" + (f"; {what}" if what else ""))
