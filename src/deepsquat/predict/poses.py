"""A whole video's poses, followed in a process of its own and kept.

DATA/landmarks/predicted/<key>.parquet
"""

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from deepsquat.errors import UserError
from deepsquat.pose import model_bundle
from deepsquat.pose.estimation import drop_native_messages
from deepsquat.pose.inputs import UNREADABLE, estimator_inputs, sha256
from deepsquat.pose.mediapipe import MediaPipePose
from deepsquat.pose.storage import kept, read_columns, write_columns
from deepsquat.processes import end_with_parent

if TYPE_CHECKING:
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


@dataclass(frozen=True)
class Estimated:
    """sha256: of the video."""

    poses: Poses
    sha256: str


class Reader:
    """Reads one video after the other, in a process apart: one that crashes a library does not end ours."""

    def __init__(self, pose: MediaPipePose, rate: float, folder: Path) -> None:
        """rate: poses a second. folder: the project's data folder."""
        self.pose, self.rate, self.folder = pose, rate, folder
        self._pool: ProcessPoolExecutor | None = None

    def poses(self, path: Path) -> Estimated:
        """The poses of a video, found as they are kept, or estimated and kept.

        Raises:
            UserError: the file cannot be read or is no video, or no frame of it can be decoded.
        """
        inputs, hashes = estimator_inputs([path], self.pose, self.folder)
        if (digest := hashes[path]).startswith(UNREADABLE):
            raise UserError(f"{path}: {digest}")
        key = sha256({**inputs, "columns": "2", "rate": self.rate, "video": digest})
        place = self.folder / "landmarks" / "predicted" / f"{key[:32]}.parquet"
        found = kept(place, partial(read_columns, Poses))
        if found is None:
            bundle = model_bundle.pose_bundle(self.folder / "models", self.pose.own)
            found = self._apart(path, _follow, path, self.rate, bundle)
            write_columns(place, found)
        return Estimated(found, digest)

    def pictures(self, path: Path, numbers: Sequence[int], longest: int) -> dict[int, np.ndarray | None]:
        """Frames of these rising numbers, (H, W, 3) uint8 RGB; None where one cannot be decoded."""
        return self._apart(path, _pictures, path, numbers, longest)

    def _apart(self, path: Path, work: Callable[..., T], *arguments: Any) -> T:
        if self._pool is None:
            context = multiprocessing.get_context("spawn")  # MediaPipe's threads do not survive a fork
            self._pool = ProcessPoolExecutor(1, context, _begin)
        try:
            return self._pool.submit(work, *arguments).result()
        except BrokenProcessPool:
            self.close()
            raise UserError(
                f"{path}: a library crashed on it, or memory ran out; export the video again"
            ) from None

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)  # and wait: else its thread may trip over our exit
            self._pool = None


def _begin() -> None:
    end_with_parent()
    drop_native_messages()


@lru_cache(maxsize=1)  # loading it takes as long as a second of video
def _landmarkers(bundle: Path) -> "Landmarkers":
    from deepsquat.pose.landmarkers import Landmarkers

    return Landmarkers(bundle)


def _pictures(path: Path, numbers: Sequence[int], longest: int) -> dict[int, np.ndarray | None]:
    from deepsquat.data.videos.frames import decoded, indexed

    return dict.fromkeys(numbers) | dict(decoded(path, indexed(path), numbers, longest))


def _follow(path: Path, rate: float, bundle: Path) -> Poses:
    from tqdm import tqdm

    from deepsquat.pose.following import follow

    with tqdm(desc="Poses", unit="frame", disable=None, leave=False, delay=1) as bar:

        def begins(frames: int) -> Callable[[], object]:
            bar.reset(frames)
            return bar.update

        track = follow(path, None, rate, _landmarkers(bundle), begins)
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
