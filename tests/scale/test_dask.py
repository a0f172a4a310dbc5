"""Poses by the workers of a Dask cluster, of which some die, and others have something else."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from deepsquat.data.squats import LabelledVideos, Squat
from deepsquat.data.videos.annotations import write_labels
from films import film
from program import ROOT, environment
from scale.conftest import SOURCE, Dask

pytest.importorskip("distributed", reason="Dask: distributed is not installed")
pytestmark = pytest.mark.slow


def _wait(until: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture(scope="session")
def mixed(corpus: LabelledVideos, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three videos, one in which there is nobody, and one that is none."""
    root = tmp_path_factory.mktemp("mixed")
    (root / "videos").mkdir()
    for video in {squat.video for squat in corpus.squats}:
        os.link(corpus.root / video, root / video)
    film(root / "nobody.mp4")
    (root / "letter.mp4").write_text("This is a letter, not a video.\n")
    bad = [Squat(name, 0, 0.0, 1.0, 1.5, 1) for name in ("nobody.mp4", "letter.mp4")]
    write_labels(root / "labels.yaml", [*corpus.squats, *bad])
    return root


class Preparing:
    """src/prepare.py on these videos, in a home of its own."""

    def __init__(self, root: Path, folder: Path, models: Path) -> None:
        self.root, self.home = root, folder
        (folder / "data").mkdir(parents=True)
        (folder / "data" / "models").symlink_to(models)

    def start(self, *more: str) -> subprocess.Popen[str]:
        line = [sys.executable, "src/prepare.py", "data=videos", f"data.root={self.root}", *more]
        return subprocess.Popen(
            line,
            cwd=ROOT,
            env=environment(self.home),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *more: str, code: int = 0) -> str:
        """What it printed, the bar left out; it must end with the exit code."""
        process = self.start(*more)
        out, err = process.communicate(timeout=300)
        assert process.returncode == code, err
        said = [line for line in err.splitlines() if line.strip() and not line.startswith("Poses:")]
        return "\n".join([*out.splitlines(), *said])

    def files(self) -> dict[str, bytes]:
        """The table and every squat's poses, by name."""
        folder = self.home / "data" / "landmarks"
        return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.parquet")}

    def manifest(self) -> dict[str, object]:
        (path,) = (self.home / "data" / "landmarks").glob("[0-9a-f]*.json")
        return {
            name: value
            for name, value in json.loads(path.read_text()).items()
            if name not in ("seconds", "sha256")
        }


@pytest.fixture(scope="session")
def alone(mixed: Path, bundle_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Preparing:
    """What this machine's own processes make of them."""
    preparing = Preparing(mixed, tmp_path_factory.mktemp("alone"), bundle_folder / "models")
    preparing.run()
    return preparing


@pytest.fixture
def preparing(mixed: Path, bundle_folder: Path, tmp_path: Path) -> Preparing:
    return Preparing(mixed, tmp_path / "home", bundle_folder / "models")


def test_a_workers_death_costs_its_video_again_and_no_byte_is_another(
    preparing: Preparing, alone: Preparing, dask: Callable[..., Dask]
) -> None:
    cluster = dask()
    process = preparing.start(f"pose.scheduler={cluster.address}")
    _wait(lambda: len(cluster.busy()) == 2)
    dead, video = next(iter(cluster.busy().items()))
    cluster.kill(dead)
    _wait(lambda: video in {key for address, key in cluster.busy().items() if address != dead})
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert "Traceback" not in err
    assert "letter.mp4#0: is no video" in out and "nobody.mp4#0: nobody found" in out
    assert preparing.files() == alone.files()
    assert preparing.manifest() == alone.manifest()


def test_ctrl_c_stops_the_tasks_and_the_next_start_goes_on(
    preparing: Preparing, dask: Callable[..., Dask]
) -> None:
    cluster = dask()
    line = ("data.frames.each_side=5", f"pose.scheduler={cluster.address}")
    process = preparing.start(*line)
    _wait(lambda: len(preparing.files()) > 5 and len(cluster.busy()) == 2)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert err.endswith("Interrupted.\n") and "Traceback" not in err
    _wait(lambda: cluster.threads() == 0, seconds=4)  # a video takes twice as long
    assert not cluster.busy()
    kept = preparing.files()
    assert kept and not any("/" not in name for name in kept), "squats, and no table"
    preparing.run(*line)
    after = preparing.files()
    assert {name: after[name] for name in kept} == kept
    assert len(after) == 1 + 15 + 2, "and those of the two bad videos"


def test_a_worker_that_has_something_else_takes_no_video(
    preparing: Preparing, dask: Callable[..., Dask], tmp_path: Path
) -> None:
    shutil.copytree(SOURCE, tmp_path / "src")
    with (tmp_path / "src" / "deepsquat" / "skeleton.py").open("a") as file:
        file.write("# newer\n")
    of_other_code, without_code = dask(tmp_path / "src", workers=1), dask(tmp_path, workers=1)
    said = preparing.run(f"pose.scheduler={of_other_code.address}", code=2)
    assert f"error: the worker {next(iter(of_other_code.client.nthreads()))} has code with the sha256" in said
    assert len(said.splitlines()) == 1
    said = preparing.run(f"pose.scheduler={without_code.address}", code=2)
    assert "cannot load what is to be done (" in said and "src in PYTHONPATH" in said
    assert len(said.splitlines()) == 1
    assert not preparing.files()


def test_a_video_of_which_workers_die_is_one_line(
    preparing: Preparing, dask: Callable[..., Dask], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES", "1")
    dies = tmp_path / "dies.py"
    dies.write_text(
        "import os, signal\n"
        "from deepsquat.pose import cluster\n"
        "cluster.Landmarkers = lambda bundle: os.kill(os.getpid(), signal.SIGSEGV)\n"
    )
    cluster = dask(more=("--preload", str(dies)), workers=1)
    said = preparing.run(f"pose.scheduler={cluster.address}", code=2)
    assert ".mp4: its worker died 2 times, perhaps out of memory" in said
    assert len(said.splitlines()) == 1


def test_no_certificate_is_one_line(preparing: Preparing) -> None:
    said = preparing.run("pose.scheduler=tls://127.0.0.1:1", code=2)
    assert "no certificate is named; set DASK_DISTRIBUTED__COMM__TLS__CA_FILE," in said
    assert len(said.splitlines()) == 1


def test_a_scheduler_that_goes_and_one_without_workers_are_one_line(
    preparing: Preparing, dask: Callable[..., Dask]
) -> None:
    cluster = dask()
    process = preparing.start(f"pose.scheduler={cluster.address}")
    _wait(lambda: len(cluster.busy()) == 2)
    cluster.scheduler.kill()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "the scheduler has gone; start it, its workers" in err and "Traceback" not in err
    idle = dask(workers=0)
    said = preparing.run(f"pose.scheduler={idle.address}", code=2)
    assert "it has had no worker for 30 s; start one with `dask worker" in said
    assert len(said.splitlines()) == 1
