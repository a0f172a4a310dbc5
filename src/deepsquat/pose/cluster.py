"""Pose estimation of many videos, spread over the workers of a Dask cluster.

The scheduler hands the videos round, and those of a worker that has died to another one. What is found comes
back to this process, which keeps it as it keeps its own; so a worker writes no file.
"""

import hashlib
import logging
import sys
import threading
import time
import traceback
import uuid
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

import deepsquat
from deepsquat.errors import UserError
from deepsquat.pose.estimation import VideoPoses, VideoWork, drop_native_messages, poses
from deepsquat.pose.landmarkers import Landmarkers

if TYPE_CHECKING:
    from distributed import Future

PACKAGE = "distributed"
ANSWERS = 10.0  # seconds in which a scheduler has to answer
ALONE = 30.0  # seconds that a scheduler may be without workers; one that is killed is back after three
_TOPIC = "deepsquat: frames done"
_TLS = "DASK_DISTRIBUTED__COMM__TLS_"  # what the names of Dask's own variables begin with
_KEPT = "finished videos are kept"


def estimate(
    works: Sequence[VideoWork],
    hashes: Mapping[str, str],
    bundle: Path,
    scheduler: str,
    keep: Callable[[VideoWork, VideoPoses], None],
) -> None:
    """Estimate the poses of all videos; `keep` takes each video's as soon as they are complete.

    hashes: the sha256 of each video. scheduler: its address.

    Raises:
        UserError: Dask is not installed, the scheduler or its workers are not there or go away, a worker has
            other files, code or packages than this process, or several died of one video.
    """
    from tqdm import tqdm

    # The longest first, so that no worker starts on a long one when the others are done.
    waiting = deque(sorted(works, key=lambda work: -work.wanted))
    running: dict[str, tuple[Future, VideoWork]] = {}
    counted: dict[str, int] = {}  # frames done, as far as the bar has them
    news: SimpleQueue[tuple[str, int | None]] = SimpleQueue()  # the count; None: the video is done
    here = _here(bundle.absolute())
    with (
        _connected(scheduler) as client,
        tqdm(total=sum(work.wanted for work in works), desc="Poses", unit="frame", leave=False) as bar,
    ):
        client.subscribe_topic(_TOPIC, lambda event: news.put(event[1]))
        places, asked, manned = 0, -1.0, time.monotonic()
        while waiting or running:
            if (now := time.monotonic()) > asked + 1:  # workers come and go
                places, asked = _places(client, scheduler), now
                manned = now if places else manned
                if now > manned + ALONE:
                    raise UserError(
                        f"pose.scheduler={scheduler}: it has had no worker for {ALONE:.0f} s; start one with "
                        f"`dask worker {scheduler} --nthreads 1`, and this again: {_KEPT}"
                    )
            # No more than they can begin at once: the next one goes to whoever comes free first.
            while waiting and len(running) < places:
                work = waiting.popleft()
                key = f"poses-{uuid.uuid4().hex}"
                sent = replace(work, root=work.root.absolute())
                future = client.submit(
                    _estimated, sent, hashes[work.video], bundle.absolute(), here, key=key, pure=False
                )
                running[key], counted[key] = (future, work), 0
                future.add_done_callback(lambda future: news.put((future.key, None)))
            try:
                key, count = news.get(timeout=1)
            except Empty:
                continue
            if key not in running:  # another process's on the same cluster
                continue
            future, work = running[key]
            found = _result(future, work, scheduler) if count is None else None
            # One that is done again begins at nought; several wanted times may fall on one frame.
            done = work.wanted if count is None else min(count, work.wanted)
            bar.update(max(0, done - counted[key]))
            counted[key] = max(done, counted[key])
            if found is not None:
                del running[key], counted[key], future
                keep(work, found)


def _connected(scheduler: str) -> Any:
    """
    Raises:
        UserError: Dask is not installed, no certificate is named for TLS, or no scheduler answers.
    """
    if find_spec(PACKAGE) is None:
        raise UserError(f"pose.scheduler needs {PACKAGE}, not installed here: pip install {PACKAGE}")
    from distributed import Client
    from distributed.security import Security

    # What it says of a connection that is lost, with a traceback, is said in a line here.
    for name in (PACKAGE, *(name for name in logging.root.manager.loggerDict if name.startswith(PACKAGE))):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    try:
        security = Security()  # as Dask's own settings and environment have it
        if scheduler.startswith("tls:") and security.get_connection_args("client")["ssl_context"] is None:
            raise UserError(
                f"pose.scheduler={scheduler}: no certificate is named; set {_TLS}_CA_FILE, "
                f"{_TLS}_CLIENT__CERT and {_TLS}_CLIENT__KEY in the environment, see docs/scale.md"
            )
        return Client(scheduler, timeout=ANSWERS, security=security, set_as_default=False, name="deepsquat")
    except (OSError, TypeError, ValueError, RuntimeError) as error:
        raise UserError(
            f"pose.scheduler={scheduler}: no scheduler of Dask's answers there ({error}); start one with "
            "`dask scheduler`, see docs/scale.md"
        ) from error


def _places(client: Any, scheduler: str) -> int:
    """How many videos the cluster can have in work at once."""
    try:
        return sum(client.nthreads().values())
    except OSError as error:
        raise _gone(scheduler) from error


def _gone(scheduler: str) -> UserError:
    return UserError(
        f"pose.scheduler={scheduler}: the scheduler has gone; start it, its workers and this again: {_KEPT}"
    )


def _result(future: "Future", work: VideoWork, scheduler: str) -> VideoPoses:
    from distributed import CancelledError, KilledWorker

    path = work.root / work.video
    if future.status in ("cancelled", "lost"):
        raise _gone(scheduler)
    try:
        error = future.exception()
        if error is None:
            found = future.result()
            assert isinstance(found, VideoPoses)
            return found
    except (CancelledError, OSError) as lost:
        raise _gone(scheduler) from lost
    if isinstance(error, UserError):
        raise UserError(str(error)) from None
    if isinstance(error, KilledWorker):
        raise UserError(
            f"{path}: its worker died {error.allowed_failures + 1} times, perhaps out of memory; "
            f"the log of the workers may say why, and {_KEPT}"
        ) from None
    if isinstance(error, _Defect):
        raise RuntimeError(f"in the worker that read {path}:\n{error}")
    # It did not come as far as what is to be done there.
    reason = str(error).strip().splitlines() or [type(error).__name__]
    raise UserError(
        f"pose.scheduler={scheduler}: the scheduler or a worker cannot load what is to be done "
        f"({reason[0].rstrip('.')}); start both with this repository's src in PYTHONPATH, in an environment "
        "like this one"
    ) from None


class _Defect(Exception):
    """What went wrong in a worker and should not have, as text.

    The error itself may be of a kind that cannot be sent, or is unknown where it goes.
    """


class _Unwanted(Exception):
    """Nobody waits for this video any more."""


def _estimated(work: VideoWork, sha256: str, bundle: Path, there: dict[str, str]) -> VideoPoses:
    """What a worker does with one video. there: `_here` of who asks.

    Raises:
        UserError: this worker has other files, code or packages than who asks.
    """
    from distributed import get_worker

    worker = get_worker()
    task = worker.state.tasks[worker.get_current_task()]
    count, told = 0, time.monotonic()

    def tick() -> None:
        nonlocal count, told
        # Dask stops no thread. It notes that a task was taken back, or that who asked for it has gone.
        if task.state == "cancelled":
            raise _Unwanted
        count += 1
        if (now := time.monotonic()) > told + 1:
            worker.log_event(_TOPIC, (task.key, count))
            told = now

    try:
        _refuse_others(work.root / work.video, sha256, bundle, there, f"the worker {worker.address}")
        _quiet()
        with Landmarkers(bundle) as landmarkers:
            return poses(work, landmarkers, tick)
    except (UserError, _Unwanted):
        raise
    except Exception:
        raise _Defect(traceback.format_exc()) from None


def _refuse_others(video: Path, sha256: str, bundle: Path, there: dict[str, str], who: str) -> None:
    """
    Raises:
        UserError: what poses depend on is not here as it is there.
    """
    seen = "every machine must see the same folders at the same paths"
    try:
        here = _here(bundle)
        with video.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UserError(f"{who} cannot read {error.filename} ({error.strerror}); {seen}") from None
    for what, mine in here.items():
        if mine != there[what]:
            raise UserError(
                f"{who} has {what} {mine}, not {there[what]}; start it anew, with the same code and packages"
            )
    if digest != sha256:
        raise UserError(f"{who} finds another file as {video}; {seen}")


@cache
def _here(bundle: Path) -> dict[str, str]:
    """All that the poses of a video depend on beside it. Kept, as is the code that was loaded here."""
    with bundle.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    found = {"a bundle with the sha256": digest, "code with the sha256": _CODE}
    for package in ("mediapipe", "av"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def _code() -> str:
    """A hash of this package as it lies on disk."""
    folder = Path(deepsquat.__file__).parent
    hashed = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        hashed.update(f"{path.relative_to(folder)}\0".encode() + path.read_bytes() + b"\0")
    return hashed.hexdigest()


_CODE = _code()  # when it is loaded: a worker that runs on has the code of then
_QUIET = threading.Lock()  # taken once, and kept


def _quiet() -> None:
    """MediaPipe's C++ writes two lines to stderr for each tracker; what Dask writes stays in the log."""
    if not _QUIET.acquire(blocking=False):
        return
    before = sys.stderr
    drop_native_messages()
    for name in list(logging.root.manager.loggerDict):
        for handler in logging.getLogger(name).handlers:
            if isinstance(handler, logging.StreamHandler) and handler.stream is before:
                handler.setStream(sys.stderr)
