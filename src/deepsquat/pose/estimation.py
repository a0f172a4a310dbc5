"""Pose estimation of many videos, spread over processes."""

import multiprocessing
import os
import signal
import sys
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from deepsquat.data.squats import FrameChoice, Squat
from deepsquat.errors import UserError
from deepsquat.landmarks import NAMES
from deepsquat.pose.landmarkers import Landmarkers
from deepsquat.processes import cores, end_with_parent, out_of_reach

if TYPE_CHECKING:
    from deepsquat.data.videos.frames import Index


LEAD = 0.5  # seconds before the first wanted frame from which the body is followed
LEAD_STEP = 0.1  # seconds between two poses there


@dataclass(frozen=True)
class VideoWork:
    """One video, and the squats in it whose frames are wanted."""

    root: Path
    video: str
    squats: tuple[Squat, ...]
    frames: FrameChoice

    @property
    def wanted(self) -> int:
        """About as many frames as are given to the tracker."""
        return sum(len(self.frames.times(squat)) + round(LEAD / LEAD_STEP) for squat in self.squats)


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
    reason: np.ndarray  # (n,) str, why a frame has no landmarks; "" where it has
    repaired: np.ndarray  # (n,) int8, 1 where the pose was sought anew
    persons: np.ndarray  # (n,) int32, people seen in the squat
    unread: np.ndarray  # (n,) str, why there is no frame; "" where there is one

    @classmethod
    def of(cls, rows: Sequence[tuple[Any, ...]]) -> "VideoPoses":
        """From tuples of the fields in their order."""
        count = len(fields(cls))
        columns = zip(*rows, strict=True) if rows else ((),) * count
        squat, frame, time, offset, aspect, landmarks, reason, repaired, persons, unread = columns
        return cls(
            squat=np.array(squat, np.int32),
            frame=np.array(frame, np.int32),
            time=np.array(time, np.float64),
            offset=np.array(offset, np.float64),
            aspect=np.array(aspect, np.float32),
            landmarks=np.array(landmarks, np.float32).reshape(-1, len(NAMES), 4),
            reason=np.array(reason, str),
            repaired=np.array(repaired, np.int8),
            persons=np.array(persons, np.int32),
            unread=np.array(unread, str),
        )

    def of_squat(self, found: int, index: int) -> "VideoPoses":
        """The rows of the squat `found`, as those of the squat `index`."""
        rows = self.squat == found
        columns = {field.name: getattr(self, field.name)[rows] for field in fields(self)}
        return VideoPoses(**{**columns, "squat": np.full(int(rows.sum()), index, np.int32)})

    @classmethod
    def joined(cls, parts: Sequence["VideoPoses"]) -> "VideoPoses":
        """The rows of all parts, in their order."""
        return cls(**{f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(cls)})

    @classmethod
    def none_of(cls, squats: Iterable[Squat], why: str) -> "VideoPoses":
        """Where no squat of the video can be read."""
        return cls.of([_unread(squat, why) for squat in squats])


_NOBODY = np.full((len(NAMES), 4), np.nan, np.float32)


def _unread(squat: Squat, why: str) -> tuple[Any, ...]:
    return squat.index, -1, np.nan, np.nan, np.nan, _NOBODY, "", False, 0, why


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
                        bar.update(count < work.wanted)
                        continue
                    bar.update(max(0, work.wanted - count))  # several wanted times may fall on one frame
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
    with out_of_reach():
        process.start()
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
    drop_native_messages()

    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        try:
            with Landmarkers(bundle) as landmarkers:
                while True:
                    work = connection.recv()
                    connection.send(
                        ("poses", poses(work, landmarkers, lambda: connection.send(("frame", None))))
                    )
        except UserError as error:
            connection.send(("mistake", str(error)))
        except (EOFError, BrokenPipeError, ConnectionResetError):
            raise  # the parent has no more videos, or has ended
        except Exception:
            connection.send(("defect", traceback.format_exc()))


def poses(work: VideoWork, landmarkers: Landmarkers, tick: Callable[[], object]) -> VideoPoses:
    """The poses of one video; why its squats have none where it cannot be read.

    tick: called once for every frame that is given to the tracker.

    Raises:
        Exhausted: the machine has no memory or no file handles left.
    """
    from deepsquat.data.videos.file import Exhausted
    from deepsquat.data.videos.frames import indexed

    path = work.root / work.video
    rows: list[tuple[Any, ...]] = []
    try:
        index = indexed(path)
    except Exhausted:
        raise
    except UserError as error:
        return VideoPoses.none_of(work.squats, str(error).removeprefix(f"{path}: "))
    for squat in work.squats:
        try:
            rows += _squat_rows(path, index, squat, work.frames, landmarkers, tick)
        except Exhausted:
            raise
        except UserError as error:
            rows.append(_unread(squat, str(error).removeprefix(f"{path}: ")))
    return VideoPoses.of(rows)


def _squat_rows(
    path: Path,
    index: "Index",
    squat: Squat,
    frames: FrameChoice,
    landmarkers: Landmarkers,
    tick: Callable[[], object],
) -> list[tuple[Any, ...]]:
    """The wanted frames of one squat. Its poses depend on nothing but the video and its own times."""
    from deepsquat.data.videos.frames import REMEDY, out_of_reach
    from deepsquat.pose.following import LOOK, UNDECODED, followed

    times = frames.times(squat)
    if why := out_of_reach(index, squat, times):
        return [_unread(squat, why)]
    wanted = index.nearest(times)
    lead = np.arange(max(squat.start, times[0] - LEAD), times[0], LEAD_STEP).tolist()
    numbers = index.nearest([*lead, *(float(index.times[number]) for number in wanted)])
    looks = index.nearest([*np.arange(squat.start, squat.end, LOOK), squat.bottom, squat.end])
    track = followed(path, index, numbers, looks, landmarkers, tick)
    mine = np.flatnonzero(np.isin(track.frames, wanted))
    if (broken := mine[track.reasons[mine] == UNDECODED]).size:
        time = track.times[broken[0]]
        what = f"has a frame at {time:.2f} s that cannot be decoded; the video is damaged there"
        return [_unread(squat, f"{what}: {REMEDY}")]
    bottom = float(index.times[index.nearest([squat.bottom])[0]])
    return [
        (
            squat.index,
            track.frames[row],
            track.times[row],
            track.times[row] - bottom,
            track.aspect,
            track.landmarks[row],
            track.reasons[row],
            track.repaired[row],
            track.persons,
            "",
        )
        for row in mine
    ]


def drop_native_messages() -> None:
    """Send what MediaPipe's C++ writes to stderr nowhere; Python's own stderr stays."""
    sys.stderr.flush()
    sys.stderr = os.fdopen(os.dup(2), "w", buffering=1, errors="backslashreplace")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
