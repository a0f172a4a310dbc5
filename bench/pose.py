"""Pose estimation: video files through the project's own path, beside bare MediaPipe on frames in memory.

The path has to open, index and decode the files, and to gather what its processes find; how long they take to
start is left out on both sides. One bare process times the cores is what perfect sharing would reach; what as
many bare processes do reach at once is kept in the file.
"""

import multiprocessing
import os
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from bench.home import Home
from bench.machine import cores
from bench.row import Row, Sides
from deepsquat.data.squats import FrameChoice, LabelledVideos

# The paper's 11 frames a squat, and the quick protocol's 3: of as many decoded frames fewer are wanted.
PAPER, QUICK = FrameChoice(5, 1 / 30), FrameChoice(1, 1 / 15)
VIDEOS = 3  # for each process; the first is its warm-up


@contextmanager
def _ready(home: Home) -> Iterator[Sides]:
    from deepsquat.data.synthetic.source import SyntheticSquats
    from deepsquat.data.videos.frames import squat_frames

    film = SyntheticSquats(home.folder / "pose", videos=1, squats=5, frames=PAPER).collect()
    frames = np.stack([image for *_, image in squat_frames(film.root, film.squats, PAPER)])
    path = home.folder / "pose" / "frames.npy"
    np.save(path, frames)
    n = cores()
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(n, context, initializer=_load, initargs=(home.bundle, path)) as pool:

        def bare(processes: int) -> float:
            start = time.perf_counter()
            for one in [pool.submit(_pass) for _ in range(processes)]:
                one.result()
            return processes * len(frames) / (time.perf_counter() - start)

        bare(n)  # starts the processes
        yield Sides(
            ours=lambda: _ours(film, PAPER, home.bundle, n),
            reference=lambda: n * bare(1),
            also={
                "bare MediaPipe in as many processes at once": lambda: bare(n),
                "ours with 3 frames a squat": lambda: _ours(film, QUICK, home.bundle, n),
            },
        )


def _ours(film: LabelledVideos, frames: FrameChoice, bundle: Path, processes: int) -> float:
    """Frames a second through `estimate`, once every process has done its first video."""
    from deepsquat.pose.estimation import VideoPoses, VideoWork, estimate

    # The same file under as many works: each is opened, read and decoded anew.
    work = VideoWork(film.root, film.squats[0].video, film.squats, frames)
    ends: list[float] = []

    def keep(work: VideoWork, poses: VideoPoses) -> None:
        ends.append(time.perf_counter())

    estimate([work] * (VIDEOS * processes), bundle, processes, keep)
    # Equal works, so the processes end their first at about the same time, and their last.
    seconds = (sum(ends[-processes:]) - sum(ends[:processes])) / processes
    return (VIDEOS - 1) * processes * work.wanted / seconds


_landmarker: Any = None
_frames: np.ndarray


def _load(bundle: Path, frames: Path) -> None:
    """Makes a process of the pool ready."""
    global _landmarker, _frames
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)  # MediaPipe's C++ writes there
    from mediapipe.tasks.python import BaseOptions, vision

    options = vision.PoseLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=str(bundle), delegate=BaseOptions.Delegate.CPU),
        running_mode=vision.RunningMode.IMAGE,
    )
    _landmarker = vision.PoseLandmarker.create_from_options(options)
    _frames = np.load(frames)
    _detect(_frames[0])  # the first takes longer


def _pass() -> None:
    """Every frame once."""
    for frame in _frames:
        _detect(frame)


def _detect(frame: np.ndarray) -> None:
    from mediapipe import Image, ImageFormat

    _landmarker.detect(Image(image_format=ImageFormat.SRGB, data=frame))


ROWS = (
    Row(
        name="pose",
        what="poses of video files, all cores",
        reference="bare MediaPipe on decoded frames, one process, times the cores",
        unit="frames/s",
        ready=_ready,
        goal=0.9,
        warm_up=False,  # both sides have had theirs
    ),
)
