"""Pose estimation of many videos, spread over processes."""

import multiprocessing
import os
import signal
import sys
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import cast

import numpy as np

from deepsquat.data.squats import FrameChoice, Squat
from deepsquat.errors import UserError
from deepsquat.landmarks import NAMES
from deepsquat.pose.landmarkers import Landmarkers
from deepsquat.pose.people import upright
from deepsquat.processes import cores, end_with_parent


@dataclass(frozen=True)
class VideoWork:
    """One video, and the squats in it whose frames are wanted."""

    root: Path
    video: str
    squats: tuple[Squat, ...]
    frames: FrameChoice

    @property
    def wanted(self) -> int:
        return sum(len(self.frames.times(squat)) for squat in self.squats)


@dataclass(frozen=True)
class VideoPoses:
    """Every frame of one video that was given to the estimator; all arrays have the same length n.

    A squat that cannot be read has one row, with the reason, and no frame.
    """

    squat: np.ndarray  # (n,) int32, Squat.index
    frame: np.ndarray  # (n,) int32, -1 where there is none
    time: np.ndarray  # (n,) float64, seconds
    offset: np.ndarray  # (n,) float64, seconds from the squat's bottom
    aspect: np.ndarray  # (n,) float32, width over height
    landmarks: np.ndarray  # (n, 33, 4) float32, NaN where nobody was found
    unread: np.ndarray  # (n,) str, why there is no frame; "" where there is one

    @classmethod
    def of(cls, rows: Sequence[tuple[int, int, float, float, float, np.ndarray, str]]) -> "VideoPoses":
        """From tuples of the fields in their order."""
        squat, frame, time, offset, aspect, landmarks, unread = zip(*rows, strict=True) if rows else ((),) * 7
        return cls(
            squat=np.array(squat, np.int32),
            frame=np.array(frame, np.int32),
            time=np.array(time, np.float64),
            offset=np.array(offset, np.float64),
            aspect=np.array(aspect, np.float32),
            landmarks=np.array(landmarks, np.float32).reshape(-1, len(NAMES), 4),
            unread=np.array(unread, str),
        )

    @classmethod
    def none_of(cls, squats: Iterable[Squat], why: str) -> "VideoPoses":
        """Where no squat of the video can be read."""
        return cls.of([_unread(squat, why) for squat in squats])


_NOBODY = np.full((len(NAMES), 4), np.nan, np.float32)


def _unread(squat: Squat, why: str) -> tuple[int, int, float, float, float, np.ndarray, str]:
    return squat.index, -1, np.nan, np.nan, np.nan, _NOBODY, why


def estimate(
    works: Sequence[VideoWork],
    bundle: Path,
    workers: int | None,
    keep: Callable[[VideoWork, VideoPoses], None],
) -> None:
    """Estimate the poses of all videos; `keep` takes each video's as soon as they are complete.

    Raises:
        UserError: MediaPipe cannot load the bundle, or a worker was killed from outside.
    """
    from tqdm import tqdm

    # The longest first, so that no worker starts on a long one when the others are done.
    waiting = deque(sorted(works, key=lambda work: -work.wanted))
    running: dict[Connection, tuple[BaseProcess, VideoWork, int]] = {}  # the count: frames done in this video
    processes: list[BaseProcess] = []
    # leave=False: the line that `prepare` prints at the end says as much.
    with tqdm(total=sum(work.wanted for work in works), desc="Poses", unit="frame", leave=False) as bar:
        try:
            for _ in range(min(workers or cores(), len(waiting))):
                connection, process = _started(bundle)
                processes.append(process)
                running[connection] = process, waiting.popleft(), 0
                _send(connection, running[connection][1])
            while running:
                for ready in wait(list(running)):
                    connection = cast(Connection, ready)
                    process, work, count = running[connection]
                    result = _received(connection, process, work)
                    if result is None:
                        running[connection] = process, work, count + 1
                        bar.update(1)
                        continue
                    bar.update(work.wanted - count)  # several wanted times may fall on one frame
                    if waiting:
                        running[connection] = process, waiting.popleft(), 0
                        _send(connection, running[connection][1])
                    else:
                        del running[connection]
                        connection.close()
                    keep(work, result)
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.join()


def _started(bundle: Path) -> tuple[Connection, BaseProcess]:
    # Spawned, not forked: MediaPipe, PyTorch and MLflow have threads, and those do not survive a fork.
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(theirs, bundle), daemon=True)
    # Ctrl-C in a terminal reaches every process. Blocked here, it stays blocked in the child from its first
    # moment; the parent gets it and ends the children.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    theirs.close()  # else the end of the child would not end the pipe
    return ours, process


def _send(connection: Connection, work: VideoWork) -> None:
    with suppress(BrokenPipeError, ConnectionResetError):  # it was killed: `_received` says so
        connection.send(work)


def _received(connection: Connection, process: BaseProcess, work: VideoWork) -> VideoPoses | None:
    """A video's poses when they are complete, None for one more frame."""
    try:
        kind, content = connection.recv()
    except (EOFError, OSError):  # OSError: in the middle of a message
        process.join()
        raise UserError(f"{work.root / work.video}: {_end(process.exitcode or 0)}") from None
    if kind == "mistake":
        raise UserError(content)
    if kind == "defect":
        raise RuntimeError(f"in the process that read {work.root / work.video}:\n{content}")
    return content if kind == "poses" else None


def _end(exit_code: int) -> str:
    """Why a worker ended early, and what to do: the system kills for want of memory, a C library crashes."""
    if -exit_code in (signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGSEGV):
        return (
            f"a C library crashed in the process that was to read it ({signal.Signals(-exit_code).name}); "
            "`python src/check.py` says whether MediaPipe runs on this machine; finished videos are kept"
        )
    return (
        f"the process that read it was killed (exit code {exit_code}), "
        "perhaps out of memory; start again, perhaps with pose.workers=1: finished videos are kept"
    )


def _work(connection: Connection, bundle: Path) -> None:
    """What a worker does: videos in, frame counts and poses out, until the other end closes."""
    end_with_parent()
    _drop_native_messages()

    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        try:
            with Landmarkers(bundle) as landmarkers:
                while True:
                    work = connection.recv()
                    connection.send(("poses", _poses(work, landmarkers, connection)))
        except UserError as error:
            connection.send(("mistake", str(error)))
        except (EOFError, BrokenPipeError, ConnectionResetError):
            raise  # the parent has no more videos, or has ended
        except Exception:
            connection.send(("defect", traceback.format_exc()))


def _poses(work: VideoWork, landmarkers: Landmarkers, connection: Connection) -> VideoPoses:
    from deepsquat.data.videos.file import Exhausted
    from deepsquat.data.videos.frames import squat_frames

    path = work.root / work.video
    unread: dict[int, str] = {}

    def lost(path: Path, squat: Squat, why: str) -> None:
        unread[squat.index] = why

    rows = []
    try:
        for squat, number, time, offset, image in squat_frames(work.root, work.squats, work.frames, lost):
            landmarks = upright(landmarkers.find(image))
            height, width = image.shape[:2]
            found = _NOBODY if landmarks is None else landmarks
            rows.append((squat.index, number, time, offset, width / height, found, ""))
            connection.send(("frame", None))
    except Exhausted:
        raise
    except UserError as error:
        return VideoPoses.none_of(work.squats, str(error).removeprefix(f"{path}: "))
    rows = [row for row in rows if row[0] not in unread]
    rows += [_unread(squat, unread[squat.index]) for squat in work.squats if squat.index in unread]
    return VideoPoses.of(sorted(rows, key=lambda row: row[:2]))


def _drop_native_messages() -> None:
    """Send what MediaPipe's C++ writes to stderr nowhere; Python's own stderr stays."""
    sys.stderr.flush()
    sys.stderr = os.fdopen(os.dup(2), "w", buffering=1, errors="backslashreplace")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
