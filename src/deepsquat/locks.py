"""Locks between processes, over filelock: the kernel drops them with their holder, however it ends."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from deepsquat.errors import UserError
from deepsquat.files import unwritable
from deepsquat.processes import uninterrupted


@contextmanager
def locked(path: Path, seconds: float | None = None) -> Iterator[None]:
    """Keeps other processes out until the block ends. path: of the lock's own file.

    Ctrl-C ends the wait. seconds: how long to wait for the lock; None: as long as it takes.

    Raises:
        TimeoutError: another process kept it for longer.
        UserError: the file cannot be written.
    """
    lock = FileLock(path, is_singleton=False, thread_local=False)
    end = None if seconds is None else time.monotonic() + seconds
    try:
        while not _taken(lock):
            if end is not None and time.monotonic() >= end:
                raise TimeoutError(f"{path}: another process has it")
            time.sleep(0.02)
        yield
    finally:
        lock.release()


def _taken(lock: FileLock) -> bool:
    # A signal between taking the lock and knowing of it would leave it taken for as long as we live.
    with uninterrupted():
        try:
            lock.acquire(blocking=False)
        except Timeout:
            return False
        except OSError as error:
            raise unwritable(lock.lock_file, error) from error
        return True


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Keeps a folder, made where it is not there, for one run.

    Raises:
        UserError: another process has it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(folder, error) from error
    lock = locked(folder / ".held", seconds=0)
    try:
        lock.__enter__()
    except TimeoutError:
        raise UserError(f"{folder}: another process is training here; wait for it, or end it") from None
    try:
        yield
    finally:
        lock.__exit__(None, None, None)
