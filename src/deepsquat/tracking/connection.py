"""A client of MLflow that does not wait for ever, and says that it waits."""

import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from deepsquat.errors import UserError
from deepsquat.tracking import database
from deepsquat.tracking.database import Away

FIRST_WORD, PATIENCE = 3.0, 60.0  # seconds
_WHERE = "see whether it can be reached and has room, or keep the runs as plain files with tracking=offline"
_LATER = ("INTERNAL_ERROR", "TEMPORARILY_UNAVAILABLE", "REQUEST_LIMIT_EXCEEDED", "RESOURCE_EXHAUSTED")

T = TypeVar("T")


def failures() -> tuple[type[Exception], ...]:
    """What MLflow's client raises where its store fails."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    return MlflowException, SQLAlchemyError, OSError, Away


def unusable(uri: str, error: Exception) -> UserError:
    """The store failed: its disk is full, it cannot be reached, it is no store."""
    text = str(error)
    if "out-of-date database schema" in text:
        found = text.split("found version ")[-1].split(",")[0]
        return UserError(f"tracking.uri={uri}: {database.other_schema(uri, found)}")
    return UserError(f"tracking.uri={uri}: {reason(error)}; {_WHERE}")


def reason(error: Exception) -> str:
    """The first sentence of an error's message."""
    return (str(error) or type(error).__name__).splitlines()[0].split(". ")[0]


def patiently(uri: str, attempt: Callable[[], T]) -> T:
    """What `attempt` returns, once it no longer raises Away.

    Raises:
        UserError: it did for a minute.
    """
    start, said = time.monotonic(), False
    while True:
        try:
            return attempt()
        except Away as away:
            waited = time.monotonic() - start
            if waited > PATIENCE:
                raise unusable(uri, away) from away
            if waited > FIRST_WORD and not said:
                print(f"waiting for tracking.uri={uri}: {away}; Ctrl-C ends it", file=sys.stderr, flush=True)
                said = True
            time.sleep(0.2)


class Background:
    """A call that may hang, in a thread that the process does not wait for when it ends."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self._value: Any = None
        self._error: BaseException | None = None
        self._done = threading.Event()

        def run() -> None:
            try:
                self._value = call()
            except BaseException as error:
                self._error = error
            self._done.set()

        threading.Thread(target=run, daemon=True).start()

    def result(self, seconds: float) -> Any:
        """What the call returned or raised. Raises Away: it has done neither."""
        if not self._done.wait(seconds):
            raise Away("it does not answer")
        if self._error is not None:
            raise self._error
        return self._value


class Connection:
    """A client, and whether its store answers."""

    def __init__(self, uri: str, artifacts: str) -> None:
        from mlflow.tracking import MlflowClient

        for name in ("mlflow", "alembic"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        # Waiting and trying again are done here, where the user is told of it.
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
        os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "1")  # we say it ourselves
        self.uri, self.file = uri, database.path_of(uri)
        self.inode = 0
        self._asked: Background | None = None
        if self.file is not None:
            file = self.file
            patiently(uri, lambda: database.prepare(file, lambda path: _make_tables(path, artifacts)))
            self.inode = file.stat().st_ino
        self.client: Any = self.wait_for(lambda: _asked_once(MlflowClient(uri)))

    def wait_for(self, call: Callable[[], T]) -> T:
        """What a call to the store returns, tried for a minute.

        Raises:
            UserError: the store does not answer, or says no.
        """
        running: list[Background] = []

        def attempt() -> T:
            if not running:
                running.append(Background(call))
            try:
                found: T = running[0].result(0.5)
            except failures() as error:
                if not isinstance(error, Away):
                    running.clear()
                raise _sorted(self.uri, error) from error
            except ImportError as error:
                raise UserError(f"tracking.uri={self.uri}: {error}; pip install it") from error
            return found

        return patiently(self.uri, attempt)

    def wait_for_answer(self) -> None:
        """Before a call that must not be made twice.

        Raises:
            UserError: the store does not answer for a minute.
        """

        def attempt() -> None:
            if not self.answers():
                raise Away("it does not answer")

        patiently(self.uri, attempt)

    def check(self) -> None:
        """Raises Away: the file is locked or gone. Of a server only a call shows it."""
        if self.file is not None:
            database.check_free(self.file, self.inode, 2)

    def answers(self) -> bool:
        """Whether it seems worth to call the store, found out in at most two seconds."""
        try:
            self.check()
            if self.file is None:
                self._asked = self._asked or Background(lambda: _asked_once(self.client))
                self._asked.result(2)
        except Away:
            return False
        except failures():
            self._asked = None
            return False
        self._asked = None
        return True


def _sorted(uri: str, error: Exception) -> Exception:
    """Away where waiting may help; else the user's line."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import OperationalError

    user_error = unusable(uri, error)
    later = isinstance(error, Away | OSError | OperationalError)
    later = later or (isinstance(error, MlflowException) and error.error_code in _LATER)
    later = later and "older MLflow" not in str(user_error) and "newer MLflow" not in str(user_error)
    return Away(str(error).splitlines()[0]) if later else user_error


def _asked_once(client: Any) -> Any:
    client.search_experiments(max_results=1)
    return client


def _make_tables(path: Path, artifacts: str) -> None:
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    uri = f"sqlite:///{path}"
    store = SqlAlchemyStore(uri, artifacts)
    store.engine.dispose()
    SqlAlchemyStore._engine_map.pop(uri, None)


@lru_cache(maxsize=4)  # opening one takes longer than all that a short training writes to it
def connect(uri: str, artifacts: str) -> Connection:
    """The connection of this process to a store.

    Raises:
        UserError: it does not answer for a minute, or cannot be used.
    """
    return Connection(uri, artifacts)
