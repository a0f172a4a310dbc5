"""Pose estimation: a video file followed on the project's own path, beside bare MediaPipe on frames.

The path has to open, index and decode the file, to load a tracker, to look for everybody every half second
and to see whether the poses can be; how long the processes take to start is left out on both sides. One bare
process in VIDEO mode times the cores is what perfect sharing would reach; what as many bare processes do
reach at once is kept in the file.
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
SPAN = 6.0  # seconds of video that are followed at every frame


@contextmanager
def _ready(home: Home) -> Iterator[Sides]:
    from deepsquat.data.synthetic.source import SyntheticSquats
    from deepsquat.data.videos.frames import decoded, indexed

    film = SyntheticSquats(home.folder / "pose", videos=1, squats=5, frames=PAPER).collect()
    video = film.root / film.squats[0].video
    index = indexed(video)
    numbers = np.flatnonzero(index.times <= SPAN).tolist()
    frames = np.stack([image for _, image in decoded(video, index, numbers) if image is not None])
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

        def ours() -> float:
            start = time.perf_counter()
            poses = sum(one.result() for one in [pool.submit(_follow, video) for _ in range(n)])
            return poses / (time.perf_counter() - start)

        bare(n)  # starts the processes
        yield Sides(
            ours=ours,
            reference=lambda: n * bare(1),
            also={
                "bare MediaPipe in as many processes at once": lambda: bare(n),
                "poses kept of 11 frames a squat": lambda: _kept(film, PAPER, home.bundle, n),
                "poses kept of 3 frames a squat": lambda: _kept(film, QUICK, home.bundle, n),
            },
        )


@contextmanager
def _predicting(home: Home) -> Iterator[Sides]:
    """All of src/predict.py from its start, and bare detection on frames that are decoded already."""
    from deepsquat.data.synthetic.source import SyntheticSquats
    from deepsquat.data.videos.frames import decoded, indexed

    film = SyntheticSquats(home.folder / "predict", videos=1, squats=5, frames=PAPER).collect()
    video = film.root / film.squats[0].video
    count = len(indexed(video).times)
    frames = np.stack(
        [image for _, image in decoded(video, indexed(video), range(count)) if image is not None]
    )
    path = home.folder / "predict" / "frames.npy"
    np.save(path, frames)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context, initializer=_load, initargs=(home.bundle, path)) as pool:

        def bare() -> float:
            start = time.perf_counter()
            pool.submit(_pass).result()
            return len(frames) / (time.perf_counter() - start)

        def ours(*words: str) -> float:
            with home.emptied("predicted") as empty:  # else it is judged already
                return count / empty.run("src/predict.py", str(video), *words)

        bare()  # starts the process
        yield Sides(ours, bare, {"without an annotated video": lambda: ours("annotated=false")})


def _kept(film: LabelledVideos, frames: FrameChoice, bundle: Path, processes: int) -> float:
    """Wanted frames a second through `estimate`, once every process has done its first video.

    To each squat belong frames before them, from which the body is followed, and those in which all are
    sought.
    """
    from deepsquat.pose.estimation import VideoPoses, VideoWork, estimate

    # The same file under as many works: each is opened, read and decoded anew.
    work = VideoWork(film.root, film.squats[0].video, film.squats, frames)
    ends: list[float] = []

    def keep(work: VideoWork, poses: VideoPoses) -> None:
        ends.append(time.perf_counter())

    estimate([work] * (VIDEOS * processes), bundle, processes, keep)
    # Equal works, so the processes end their first at about the same time, and their last.
    seconds = (sum(ends[-processes:]) - sum(ends[:processes])) / processes
    wanted = sum(len(frames.times(squat)) for squat in film.squats)
    return (VIDEOS - 1) * processes * wanted / seconds


_bare: Any = None
_ours: Any = None
_frames: np.ndarray
_stamp = 0  # milliseconds; has to rise


def _load(bundle: Path, frames: Path) -> None:
    """Makes a process of the pool ready."""
    global _bare, _ours, _frames
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)  # MediaPipe's C++ writes there
    from mediapipe.tasks.python import BaseOptions, vision

    from deepsquat.pose.landmarkers import Landmarkers

    options = vision.PoseLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=str(bundle), delegate=BaseOptions.Delegate.CPU),
        running_mode=vision.RunningMode.VIDEO,
    )
    _bare = vision.PoseLandmarker.create_from_options(options)
    _ours = Landmarkers(bundle)
    _frames = np.load(frames)
    _detect(_frames[0])  # the first takes longer


def _pass() -> None:
    """Every frame once."""
    for frame in _frames:
        _detect(frame)


def _detect(frame: np.ndarray) -> None:
    from mediapipe import Image, ImageFormat

    global _stamp
    _stamp += 33
    _bare.detect_for_video(Image(image_format=ImageFormat.SRGB, data=frame), _stamp)


def _follow(video: Path) -> int:
    """The same frames through the project's own path; how many poses came of it."""
    from deepsquat.pose.following import follow

    return int((follow(video, (0.0, SPAN), 30.0, _ours).reasons == "").sum())


ROWS = (
    Row(
        name="pose",
        what="poses of video files, all cores",
        reference="bare MediaPipe in VIDEO mode on decoded frames, one process, times the cores",
        unit="frames/s",
        ready=_ready,
        goal=0.9,
        warm_up=False,  # both sides have had theirs
    ),
    Row(
        name="predict",
        what="src/predict.py on a clip, with video and page",
        reference="bare MediaPipe in VIDEO mode, one process, on every decoded frame of it",
        unit="frames/s",
        ready=_predicting,
        goal=0.8,
    ),
)
