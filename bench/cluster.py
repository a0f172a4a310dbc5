"""Poses of drawn videos by this machine's processes and by as many workers of a Dask cluster on it, in turn.

    python bench/cluster.py                                  12 videos, two processes and two workers
    python bench/cluster.py VIDEOS WORKERS

Seconds are those of the pose stage, as the table's manifest has them: of processes with their start, of
workers without, since they wait for work; what a cluster takes to start stands in a line of its own. Memory
is what all processes have resident at the highest moment seen, the scheduler and what watches over workers
included. Both sides must make the same bytes. It needs Dask: pip install "distributed==2026.8.0".
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

SQUATS = 5  # of a video
REPEATS = 3  # of each side


def main(videos: int, workers: int) -> None:
    from bench.home import finish, temporary_home
    from deepsquat.commands import run as command

    drawn = [f"protocol.videos={videos}", f"protocol.squats={SQUATS * videos}"]
    with temporary_home(command.ROOT / "data" / "models") as home:
        landmarks = home.folder / "data" / "landmarks"
        home.run("src/prepare.py", *drawn)
        expected = _made(landmarks)
        start = time.perf_counter()
        with _cluster(workers, home.folder) as (address, processes):
            print(f"the cluster started in {time.perf_counter() - start:.1f} s")
            sides: dict[str, tuple[str, Sequence[int]]] = {
                "processes": (f"pose.workers={workers}", ()),
                "workers": (f"pose.scheduler={address}", processes),
            }
            print("by seconds videos/s MB load")
            for _ in range(REPEATS):
                for name, (how, others) in sides.items():
                    shutil.rmtree(landmarks)
                    process = home.start("src/prepare.py", *drawn, how)
                    watch = _Watch((process.pid, *others))
                    watch.start()
                    finish(process)
                    watch.stopped.set()
                    if _made(landmarks) != expected:
                        raise RuntimeError(f"{name}: made something else")
                    (manifest,) = landmarks.glob("[0-9a-f]*.json")
                    seconds = json.loads(manifest.read_text())["seconds"]
                    rate, memory, load = videos / seconds, watch.most / 1e6, os.getloadavg()[0]
                    print(f"{name} {seconds:.1f} {rate:.3f} {memory:.0f} {load:.1f}", flush=True)


@contextmanager
def _cluster(workers: int, folder: Path) -> Iterator[tuple[str, Sequence[int]]]:
    """The scheduler's address, and the processes of the cluster whose children the others are."""
    from distributed import Client

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    address = f"tcp://127.0.0.1:{port}"
    here = ["--host", "127.0.0.1", "--dashboard-address", "127.0.0.1:0"]
    lines = [
        ["scheduler", *here, "--port", str(port)],
        [
            "worker",
            address,
            *here,
            "--nworkers",
            str(workers),
            "--nthreads",
            "1",
            "--local-directory",
            str(folder),
        ],
    ]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[1] / "src")}
    with (folder / "dask.log").open("w") as log:
        processes = [
            subprocess.Popen([sys.executable, "-m", "dask", *line], env=environment, stdout=log, stderr=log)
            for line in lines
        ]
        try:
            with Client(address, timeout=60) as client:
                client.wait_for_workers(workers, timeout=60)
            yield address, [process.pid for process in processes]
        finally:
            for process in reversed(processes):
                process.terminate()
                process.wait()


def _made(landmarks: Path) -> dict[str, bytes]:
    return {str(path.relative_to(landmarks)): path.read_bytes() for path in landmarks.rglob("*.parquet")}


class _Watch(threading.Thread):
    """Looks at the resident memory of processes and their descendants until told to stop; bytes."""

    def __init__(self, pids: Sequence[int]) -> None:
        super().__init__(daemon=True)
        self.pids, self.most, self.stopped = pids, 0, threading.Event()

    def run(self) -> None:
        import psutil

        while not self.stopped.wait(0.1):
            now = 0
            for pid in self.pids:
                with suppress(psutil.NoSuchProcess):  # it ended a moment ago
                    root = psutil.Process(pid)
                    now += sum(one.memory_info().rss for one in (root, *root.children(recursive=True)))
            self.most = max(self.most, now)


if __name__ == "__main__":
    root = Path(__file__).resolve().parents[1]
    sys.path[:0] = [str(root), str(root / "src")]
    main(*(int(word) for word in (*sys.argv[1:], *("12", "2")[len(sys.argv) - 1 :])))
