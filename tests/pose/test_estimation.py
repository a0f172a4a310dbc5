"""The processes that estimate poses, and how they end."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

import deepsquat
from deepsquat.data.squats import FrameChoice, LabelledVideos
from deepsquat.errors import UserError
from deepsquat.pose.estimation import VideoWork, poses
from deepsquat.pose.landmarkers import Landmarkers, Tracker
from deepsquat.pose.mediapipe import MediaPipePose
from deepsquat.pose.model_bundle import pose_bundle
from deepsquat.pose.table import prepare
from poses import Videos, program, with_bundle


def _leftovers(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if ".part" in path.name]


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (signal.SIGKILL, r"was killed \(exit code -9\), perhaps out of memory"),
        (signal.SIGABRT, r"a C library crashed .*\(SIGABRT\); `python src/check\.py` says"),
    ],
)
def test_a_killed_worker_is_one_line(
    kind: signal.Signals, said: str, videos: LabelledVideos, bundle_folder: Path, tmp_path: Path
) -> None:
    def kill() -> None:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and not (children := multiprocessing.active_children()):
            time.sleep(0.01)
        os.kill(children[0].pid or 0, kind)

    killer = threading.Thread(target=kill)
    killer.start()
    with pytest.raises(UserError, match=r"\.mp4: " + f".*{said}") as caught:
        prepare(Videos(videos), MediaPipePose(workers=2), with_bundle(tmp_path, bundle_folder))
    killer.join()
    assert "\n" not in str(caught.value)
    assert not multiprocessing.active_children()


def test_ctrl_c_ends_at_once_and_the_next_run_goes_on(
    videos: LabelledVideos, bundle_folder: Path, tmp_path: Path
) -> None:
    folder = with_bundle(tmp_path / "data", bundle_folder)
    longer = replace(videos, frames=FrameChoice(each_side=5))
    script = tmp_path / "script.py"
    script.write_text(program(longer, folder))
    environment = os.environ | {"PYTHONPATH": str(Path(deepsquat.__file__).parents[1])}
    process = subprocess.Popen(
        [sys.executable, script], env=environment, stderr=subprocess.PIPE, start_new_session=True
    )
    kept = folder / "landmarks" / "spans"
    family: list[psutil.Process] = []
    while process.poll() is None and not list(kept.glob("[!.]*.parquet")):
        family = psutil.Process(process.pid).children(recursive=True) or family
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to every process of the group
    _, err = process.communicate(timeout=30)
    assert process.returncode == -signal.SIGINT
    assert err.count(b"KeyboardInterrupt") == 1, "the workers have nothing to say"
    assert family
    assert not psutil.wait_procs(family, timeout=10)[1]
    assert not _leftovers(folder)
    assert not list((folder / "landmarks").glob("*.parquet"))
    first = min(kept.glob("*.parquet"))  # the other worker may have kept one too
    written = first.stat().st_mtime_ns

    result = prepare(Videos(longer), MediaPipePose(workers=2), folder)
    assert set(result.table.squat) == {squat.id for squat in videos.squats}
    assert first.stat().st_mtime_ns == written


def test_workers_end_with_a_parent_that_is_killed_alone(
    videos: LabelledVideos, bundle_folder: Path, tmp_path: Path
) -> None:
    folder = with_bundle(tmp_path / "data", bundle_folder)
    script = tmp_path / "script.py"
    script.write_text(program(replace(videos, frames=FrameChoice(each_side=5)), folder))
    environment = os.environ | {"PYTHONPATH": str(Path(deepsquat.__file__).parents[1])}
    process = subprocess.Popen([sys.executable, script], env=environment, stderr=subprocess.DEVNULL)
    while process.poll() is None and not list(folder.rglob("spans/*.parquet")):
        time.sleep(0.05)
    family = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait()
    assert family
    assert not psutil.wait_procs(family, timeout=10)[1]


def test_what_is_stopped_leaves_no_tracker_open(
    videos: LabelledVideos, bundle_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Tracker] = []
    closed: list[Tracker] = []
    make, close = Landmarkers.tracker, Tracker.close
    monkeypatch.setattr(Landmarkers, "tracker", lambda self: made.append(make(self)) or made[-1])
    monkeypatch.setattr(Tracker, "close", lambda self: closed.append(self) or close(self))
    squat = videos.squats[0]
    work = VideoWork(videos.root, squat.video, (squat,), videos.frames)

    def stop() -> None:
        raise KeyboardInterrupt

    bundle = pose_bundle(bundle_folder / "models", None)
    with pytest.raises(KeyboardInterrupt), Landmarkers(bundle) as landmarkers:
        poses(work, landmarkers, stop)
    assert made and set(made) == set(closed)
