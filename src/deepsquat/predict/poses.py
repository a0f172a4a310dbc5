"""A whole video's poses, followed in a process of its own and kept.

DATA/landmarks/predicted/<key>.parquet
"""

import multiprocessing
import signal
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import numpy as np

from deepsquat.errors import UserError
from deepsquat.pose import model_bundle
from deepsquat.pose.estimation import drop_native_messages
from deepsquat.pose.inputs import UNREADABLE, estimator_inputs, sha256
from deepsquat.pose.mediapipe import MediaPipePose
from deepsquat.pose.storage import kept, read_columns, write_columns
from deepsquat.predict.captions import Caption
from deepsquat.processes import end_with_parent, interrupt, out_of_reach

if TYPE_CHECKING:
    from tqdm import tqdm

    from deepsquat.pose.landmarkers import Landmarkers

T = TypeVar("T")


@dataclass(frozen=True)
class Poses:
    """One body through a video; columns of n rows, by time, the last three the same in every row."""

    frame: np.ndarray  # (n,) int32, number in the video
    time: np.ndarray  # (n,) float64, seconds
    landmarks: np.ndarray  # (n, 33, 4) float32, NaN where there is none
    reason: np.ndarray  # (n,) str, why there is none
    aspect: np.ndarray  # (n,) float32, the picture's width over its height
    persons: np.ndarray  # (n,) int32, people seen
    lifters: np.ndarray  # (n,) int32, people who squat

    @property
    def seen(self) -> float:
        """In what share of the rows there is a body, to a hundredth."""
        known = ~np.isnan(self.landmarks[:, 0, 0])
        return round(float(known.mean()), 2) if len(known) else 0.0


@dataclass(frozen=True)
class Estimated:
    """sha256: of the video; key: of all that the poses were made of."""

    poses: Poses
    sha256: str
    key: str


@dataclass(frozen=True)
class Wish:
    """What is wanted of a video beside its poses. Plain data: it goes to another process."""

    captions: tuple[Caption, ...]
    kept: tuple[int, ...]  # numbers of frames to be given back, rising
    height: int  # pixels of those
    blur: bool  # faces


class Reader:
    """Reads one video after the other, in a process apart: one that crashes a library does not end ours."""

    def __init__(self, pose: MediaPipePose, rate: float, folder: Path) -> None:
        """rate: poses a second. folder: the project's data folder."""
        self.pose, self.rate, self.folder = pose, rate, folder
        self._pool: ProcessPoolExecutor | None = None
        self._last: Future[Any] | None = None  # that it was given

    def key(self, path: Path) -> tuple[str, str]:
        """The video's sha256, and the key of all that its poses are made of.

        Raises:
            UserError: the file cannot be read.
        """
        inputs, hashes = estimator_inputs([path], self.pose, self.folder)
        if (digest := hashes[path]).startswith(UNREADABLE):
            raise UserError(f"{path}: {digest}")
        return digest, sha256({**inputs, "rate": self.rate, "video": digest})

    def warm_up(self) -> None:
        """Starts the process and what it needs for poses, and does not wait for that."""
        self._submit(_warm, self._bundle())

    def poses(self, path: Path) -> Estimated:
        """The poses of a video, found as they are kept, or estimated and kept.

        Raises:
            UserError: the file cannot be read or is no video, or no frame of it can be decoded.
        """
        digest, key = self.key(path)
        place = self.folder / "landmarks" / "predicted" / f"{key[:32]}.parquet"
        found = kept(place, partial(read_columns, Poses))
        if found is None:
            found = self._apart(path, _follow, path, self.rate, self._bundle())
            write_columns(place, found)
        return Estimated(found, digest, key)

    def pictures(self, path: Path, poses: Poses, wish: Wish) -> dict[int, np.ndarray]:
        """See `film.pictures`."""
        return self._apart(path, _pictures, path, poses, wish, self._bundle())

    def film(self, out: Path, path: Path, poses: Poses, wish: Wish) -> dict[int, np.ndarray]:
        """See `film.write`."""
        return self._apart(path, _film, out, path, poses, wish, self._bundle())

    def _bundle(self) -> Path:
        return model_bundle.pose_bundle(self.folder / "models", self.pose.own)

    def _apart(self, path: Path, work: Callable[..., T], *arguments: Any) -> T:
        try:
            return self._submit(work, *arguments).result()
        except KeyboardInterrupt:
            _stop()
            raise
        except BrokenProcessPool:
            self.close()
            raise UserError(
                f"{path}: a library crashed on it, or memory ran out; export the video again"
            ) from None

    def _submit(self, work: Callable[..., T], *arguments: Any) -> Future[T]:
        with out_of_reach():  # the first time starts the process
            if self._pool is None:
                context = multiprocessing.get_context("spawn")  # MediaPipe's threads do not survive a fork
                self._pool = ProcessPoolExecutor(1, context, _begin)
            self._last = future = self._pool.submit(work, *arguments)
            return future

    def close(self) -> None:
        if self._pool is not None:
            if self._last is not None and not self._last.done():  # as where it was warming up
                _stop()
            self._pool.shutdown(cancel_futures=True)  # and wait: else its thread may trip over our exit
            self._pool = None


def _stop() -> None:
    """Ends what the process is at, which would keep us waiting."""
    for process in multiprocessing.active_children():
        process.terminate()  # see _begin


def _begin() -> None:
    end_with_parent()
    signal.signal(signal.SIGTERM, interrupt)
    drop_native_messages()


@lru_cache(maxsize=1)  # loading it takes as long as a second of video
def _landmarkers(bundle: Path) -> "Landmarkers":
    from deepsquat.pose.landmarkers import Landmarkers

    return Landmarkers(bundle)


def _warm(bundle: Path) -> None:
    from deepsquat.pose import following  # noqa: F401

    with suppress(UserError):  # said by whoever needs it
        _landmarkers(bundle)


def _pictures(path: Path, poses: Poses, wish: Wish, bundle: Path) -> dict[int, np.ndarray]:
    from deepsquat.predict import film

    return film.pictures(path, poses, wish, _landmarkers(bundle).find if wish.blur else None)


def _film(out: Path, path: Path, poses: Poses, wish: Wish, bundle: Path) -> dict[int, np.ndarray]:
    from deepsquat.predict import film

    with _bar("Annotated video") as bar:
        find = _landmarkers(bundle).find if wish.blur else None
        return film.write(out, path, poses, wish, find, partial(_begun, bar))


def _bar(what: str) -> "tqdm[NoReturn]":
    """Progress with the time left, on a terminal."""
    from tqdm import tqdm

    return tqdm(desc=what, unit="frame", disable=None, leave=False, delay=1)


def _begun(bar: "tqdm[NoReturn]", frames: int) -> Callable[[], object]:
    bar.reset(frames)
    return bar.update


def _follow(path: Path, rate: float, bundle: Path) -> Poses:
    from deepsquat.pose.following import follow

    with _bar("Poses") as bar:
        track = follow(path, None, rate, _landmarkers(bundle), partial(_begun, bar))
    n = len(track.times)
    return Poses(
        track.frames,
        track.times,
        track.landmarks,
        track.reasons.astype(str),
        np.full(n, track.aspect, np.float32),
        np.full(n, track.persons, np.int32),
        np.full(n, track.lifters, np.int32),
    )
