"""Cores, signals, and workers that end with their parent."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any, NoReturn

_HANG_UP: int | None = getattr(signal, "SIGHUP", None)  # Windows has none
_ALARM: int | None = getattr(signal, "SIGALRM", None)  # by which a sweep ends a trial that takes too long
ENDS_WITH_PARENT = "DEEPSQUAT_ENDS_WITH_PARENT"  # in the environment of a command that another one starts
_LIMIT: int | None = getattr(signal, "SIGUSR2", None)  # by which submitit says that a job's time is up
_INTERRUPTS = tuple(n for n in (signal.SIGINT, signal.SIGTERM, _HANG_UP, _ALARM, _LIMIT) if n is not None)


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def memory() -> int:
    """Bytes of memory that this machine, or the container that it is, has."""
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = Path("/sys/fs/cgroup/memory.max")
    text = limit.read_text().strip() if limit.is_file() else "max"
    return min(there, int(text)) if text.isdigit() else there


def stop_on_sigterm() -> None:
    """SIGTERM ends like Ctrl-C: no file half written, the run marked KILLED. So does a closed terminal."""
    signal.signal(signal.SIGTERM, interrupt)
    if _HANG_UP is not None and signal.getsignal(_HANG_UP) != signal.SIG_IGN:  # as nohup has it
        terminals = [fd for fd in (1, 2) if os.isatty(fd)]
        signal.signal(_HANG_UP, lambda signum, frame: _hang_up(terminals))


def _hang_up(terminals: list[int]) -> NoReturn:
    """To write to a terminal that is gone would be an error, in the place of the one that ends the run."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor in terminals:
        os.dup2(nowhere, descriptor)
    raise KeyboardInterrupt


def ignore_signals() -> None:
    """For a process that ends: from here on nothing of the kind stops it in the middle of that."""
    while True:
        try:
            for number in _INTERRUPTS:
                signal.signal(number, signal.SIG_IGN)
            return
        except KeyboardInterrupt:  # one that came before the line above
            continue


def interrupt(signum: int, frame: Any) -> NoReturn:
    """A signal's handler."""
    raise KeyboardInterrupt


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Puts Ctrl-C, SIGTERM and alarms off until the block has ended, also where it ends by an error.

    For what must not be stopped in the middle: torch's file writer, interrupted, raises an error of its own
    in the place of KeyboardInterrupt, and a database may be left locked.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before: dict[int, Any] = {number: signal.getsignal(number) for number in _INTERRUPTS}
    came: list[tuple[int, Any]] = []
    waits = True

    def later(number: int, frame: Any) -> None:
        if waits:
            came.append((number, frame))
        else:  # it came while the handlers below were being put back
            _call(before[number], number, frame)

    try:
        for number in _INTERRUPTS:
            signal.signal(number, later)
        yield
    finally:
        waits = False
        for number, handler in before.items():
            signal.signal(number, handler)
        for number, frame in came:
            _call(before[number], number, frame)


def _call(handler: Any, number: int, frame: Any) -> None:
    if callable(handler):
        handler(number, frame)
    elif handler == signal.SIG_DFL:
        signal.raise_signal(number)


@contextmanager
def out_of_reach() -> Iterator[None]:
    """Ctrl-C never reaches the processes that are started within; here it comes afterwards.

    A terminal sends it to every process. Blocked here, it stays blocked in a child from its first moment; the
    parent gets it and ends the children.
    """
    resource_tracker.ensure_running()  # the first start of a process starts it, and unblocks the signal
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def end_with_parent(seconds: float = 1.0, by: int | None = None) -> None:
    """Ends this process soon after its parent has gone, as where that one was killed alone.

    A worker that waits for work, or that works on for nobody, would keep its memory for ever.
    by: the signal that it sends itself; None where nothing is left to be put in order.
    """
    # As multiprocessing was told at the start: by now the parent may have gone, and another taken over.
    known = multiprocessing.parent_process()
    parent = os.getppid() if known is None else known.pid

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(seconds)
        if by is None:
            os._exit(1)
        os.kill(os.getpid(), by)

    threading.Thread(target=watch, daemon=True, name="ends with its parent").start()
