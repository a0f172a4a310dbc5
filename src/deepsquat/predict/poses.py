"""A whole video's poses, followed in a process of its own and kept.

DATA/landmarks/predicted/<key>.parquet
"""

import hashlib
import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np

from deepsquat.errors import UserError
from deepsquat.pose import model_bundle
from deepsquat.pose.estimation import drop_native_messages
from deepsquat.pose.inputs import STAGE, sha256
from deepsquat.pose.mediapipe import MediaPipePose
from deepsquat.pose.storage import kept, read_columns, write_columns
from deepsquat.processes import end_with_parent


@dataclass(frozen=True)
class Poses:
    """One body through a video; columns of n rows, by time, the last two the same in every row."""

    frame: np.ndarray  # (n,) int32, number in the video
    time: np.ndarray  # (n,) float64, seconds
    landmarks: np.ndarray  # (n, 33, 4) float32, NaN where there is none
    reason: np.ndarray  # (n,) str, why there is none
    aspect: np.ndarray  # (n,) float32, the picture's width over its height
    persons: np.ndarray  # (n,) int32, people seen


@dataclass(frozen=True)
class Estimated:
    """sha256: of the video."""

    poses: Poses
    sha256: str


class Estimator:
    """Finds the poses of one video after the other; one that crashes a library ends its process, not ours."""

    def __init__(self, pose: MediaPipePose, rate: float, folder: Path) -> None:
        """rate: poses a second. folder: the project's data folder."""
        self.pose, self.rate, self.folder = pose, rate, folder
        self._pool: ProcessPoolExecutor | None = None

    def __call__(self, path: Path) -> Estimated:
        """
        Raises:
            UserError: the file cannot be read or is no video.
        """
        try:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise UserError(f"{path}: cannot be read ({error.strerror}); give a video file") from error
        own = self.pose.own
        key = {
            "stage": STAGE,
            "versions": {name: version(name) for name in ("mediapipe", "av")},
            "bundle": model_bundle.SHA256 if own is None else hashlib.sha256(own.read_bytes()).hexdigest(),
            "rate": self.rate,
            "video": digest,
        }
        place = self.folder / "landmarks" / "predicted" / f"{sha256(key)[:32]}.parquet"
        found = kept(place, partial(read_columns, Poses))
        if found is None:
            found = self._followed(path)
            write_columns(place, found)
        return Estimated(found, digest)

    def _followed(self, path: Path) -> Poses:
        bundle = model_bundle.pose_bundle(self.folder / "models", self.pose.own)
        if self._pool is None:
            context = multiprocessing.get_context("spawn")  # MediaPipe's threads do not survive a fork
            self._pool = ProcessPoolExecutor(1, context, _begin, (bundle,))
        try:
            return self._pool.submit(_follow, path, self.rate).result()
        except BrokenProcessPool:
            self.close()
            raise UserError(
                f"{path}: a library crashed on it, or memory ran out; export the video again"
            ) from None

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)  # and wait: else its thread may trip over our exit
            self._pool = None


@contextmanager
def estimator(pose: MediaPipePose, rate: float, folder: Path) -> Iterator[Estimator]:
    """One whose process ends with the block."""
    made = Estimator(pose, rate, folder)
    try:
        yield made
    finally:
        made.close()


_landmarkers: object = None


def _begin(bundle: Path) -> None:
    global _landmarkers
    end_with_parent()
    drop_native_messages()
    from deepsquat.pose.landmarkers import Landmarkers

    _landmarkers = Landmarkers(bundle)


def _follow(path: Path, rate: float) -> Poses:
    from tqdm import tqdm

    from deepsquat.pose.following import follow

    with tqdm(desc="Poses", unit="frame", disable=None, leave=False, delay=1) as bar:

        def begins(frames: int) -> Callable[[], object]:
            bar.reset(frames)
            return bar.update

        track = follow(path, None, rate, _landmarkers, begins)  # type: ignore[arg-type]
    n = len(track.times)
    return Poses(
        track.frames,
        track.times,
        track.landmarks,
        track.reasons.astype(str),
        np.full(n, track.aspect, np.float32),
        np.full(n, track.persons, np.int32),
    )
