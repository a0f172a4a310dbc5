"""Which process runs a trial, and whether it still runs.

Beside Optuna's own heartbeat, since that runs inside `study.optimize` and in databases alone: a journal has
none, and trials that a launcher runs are asked and told.
"""

import os
import platform
import threading
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

INTERVAL = 10.0  # seconds between two heartbeats
GRACE = 60.0  # seconds without one after which a process on another machine counts as ended


@lru_cache(maxsize=1)
def machine() -> str:
    """The name of this machine since it was started; containers on one machine have names of their own."""
    parts = [platform.node()]
    try:
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        parts.append(str(Path("/proc/self/ns/pid").readlink()))  # within which process numbers hold
    except OSError:
        pass
    return " ".join(parts)


def this_process() -> dict[str, Any]:
    """What tells this process from every other, before and after."""
    return {"machine": machine(), "pid": os.getpid(), "started": _started(os.getpid())}


def is_alive(owner: Mapping[str, Any]) -> bool | None:
    """None where the process runs on another machine, or ran before this machine was started."""
    if owner["machine"] != machine():
        return None
    return _started(owner["pid"]) == owner["started"]


def _started(pid: int) -> str | None:
    """When a process was started; None where it is no more. A number is given to many processes in turn."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return None if fields[0] in "ZX" else fields[19]
    except OSError:
        if Path("/proc/self/stat").exists():
            return None
    import psutil

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else f"{process.create_time():.0f}"
    except psutil.NoSuchProcess:
        return None


class Heartbeats:
    """Heartbeats from other machines, timed by our own clock: no two clocks are compared."""

    def __init__(self) -> None:
        self._seen: dict[int, tuple[Any, float]] = {}

    def is_stale(self, trial: int, heartbeat: Any) -> bool:
        """True where the trial's heartbeat has not changed for the grace period while we looked."""
        now = time.monotonic()
        known, since = self._seen.setdefault(trial, (heartbeat, now))
        if known != heartbeat:
            self._seen[trial] = (heartbeat, now)
            return False
        return now - since > GRACE


class Heartbeat:
    """Calls `beat` from a thread of its own, until the block ends."""

    def __init__(self, beat: Callable[[], None], seconds: float = INTERVAL) -> None:
        self._beat, self._seconds = beat, seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        while not self._stop.wait(self._seconds):
            try:
                self._beat()
            except Exception:  # a storage that is away for a moment; the trial itself will meet it
                continue

    def __enter__(self) -> "Heartbeat":
        self._thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._stop.set()
        self._thread.join()
