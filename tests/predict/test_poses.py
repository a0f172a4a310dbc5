"""The process that finds a video's poses."""

import multiprocessing
import signal
from contextlib import closing
from pathlib import Path

import pytest

from deepsquat.pose.mediapipe import MediaPipePose
from deepsquat.predict.poses import Reader


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system does not show it")
def test_ctrl_c_does_not_reach_it_from_its_first_moment(bundle_folder: Path) -> None:
    before = set(multiprocessing.active_children())
    with closing(Reader(MediaPipePose(), 10, bundle_folder)) as reader:
        reader.warm_up()
        (process,) = set(multiprocessing.active_children()) - before
        status = Path(f"/proc/{process.pid}/status").read_text().split()
        blocked = int(status[status.index("SigBlk:") + 1], 16)
    assert blocked >> (signal.SIGINT - 1) & 1
