"""Sweeps of real, tiny trainings through the command line."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest
from hydra import compose, initialize_config_dir

from deepsquat.commands.run import CONF
from deepsquat.commands.sweep import StudyRuns
from deepsquat.tracking.mlflow import MlflowOptions, Store
from program import ROOT, environment

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def images(home, command) -> Path:
    """A file of images of six small drawn videos."""
    path = home / "tiny.npz"
    done = command(
        "src/prepare.py",
        f"export={path}",
        "protocol.videos=6",
        "protocol.squats=36",
        "data.width=270",
        "data.height=480",
    )
    assert done.returncode == 0, done.stderr
    return path


def _sweep(images: Path, name: str, *more: str) -> list[str]:
    return [
        "src/train.py",
        "-m",
        "sweep=seeds",
        "seed=0,1",
        "data=arrays",
        f"data.file={images}",
        "trainer=cpu",
        "trainer.max_epochs=4",
        "model.blocks=2",
        f"hydra.sweeper.study={name}",
        *more,
    ]


def _store(home: Path) -> Store:
    return Store(MlflowOptions(f"sqlite:///{home}/mlflow.db", str(home / "mlruns")))


def _runs(home: Path, name: str) -> list:
    """The latest parent's run of this name and then its children's, oldest first."""
    store = _store(home)
    parent = store.tagged({"sweep": name})[-1]
    children = store.tagged({"mlflow.parentRunId": parent.id})
    return [store.client.get_run(run.id) for run in (parent, *children)]


def _stopped_in_first_trial(
    home: Path, arguments: list[str], folder: Path, kind: signal.Signals, times: int = 1
) -> tuple[int, list[psutil.Process]]:
    """The exit code of a sweep that was sent a signal, it alone, and its child processes of then."""
    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment(home),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 180
    while not (folder / "last.ckpt").exists():
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.02)
    children = psutil.Process(process.pid).children(recursive=True)
    for _ in range(times):
        os.kill(process.pid, kind)
        time.sleep(0.2)
    return process.wait(60), children


def test_every_trial_is_a_run_under_one_parent_and_a_killed_sweep_ends_as_if_it_had_not_been(
    home, command, images
):
    whole = command(*_sweep(images, "whole"))
    assert whole.returncode == 0, whole.stderr
    assert "loss     bce" not in whole.stdout
    parent, *children = _runs(home, "whole")
    assert parent.info.status == "FINISHED"
    assert [run.data.tags["trial"] for run in children] == ["0", "1"]
    values = [run.data.metrics["val/loss"] for run in children]

    again = command(*_sweep(images, "whole"))
    assert again.returncode == 0 and "2 of 2 done" in again.stdout
    assert len(_runs(home, "whole")) == 3

    with initialize_config_dir(CONF, version_base=None):
        hooks = StudyRuns(compose("train"), "whole", "")
    assert {*hooks.metrics()} < {*children[0].data.metrics}

    for name, kind in (("killed", signal.SIGKILL), ("interrupted", signal.SIGINT)):
        folder = home / "multirun" / name
        code, _ = _stopped_in_first_trial(home, _sweep(images, name), folder / "0", kind)
        assert code == (130 if kind == signal.SIGINT else -9)
        rest = command(*_sweep(images, name))
        assert rest.returncode == 0, rest.stderr
        _, *children = _runs(home, name)
        assert [run.info.status for run in children] == ["FINISHED", "FINISHED"]
        assert [run.data.metrics["val/loss"] for run in children] == values
        assert children[0].data.tags["resumed"] == "after trial 0"
        assert (folder / "report" / "table.csv").exists()


def test_a_sweep_begun_anew_leaves_the_runs_of_the_old_one_alone(home, command, images):
    short = _sweep(images, "anew", "trainer.max_epochs=1")
    assert command(*short).returncode == 0
    before = _runs(home, "anew")
    shutil.rmtree(home / "multirun" / "anew")
    assert command(*short).returncode == 0
    parent, *children = _runs(home, "anew")
    assert parent.info.run_id != before[0].info.run_id
    assert [run.info.status for run in children] == ["FINISHED", "FINISHED"]
    client = _store(home).client
    after = [client.get_run(run.info.run_id).to_dictionary() for run in before]
    assert after == [run.to_dictionary() for run in before]

    client.delete_run(parent.info.run_id)
    assert "2 of 2 done" in command(*short).stdout
    successor, *again = _runs(home, "anew")
    assert successor.info.run_id not in (parent.info.run_id, before[0].info.run_id)
    assert [run.info.run_id for run in again] == [run.info.run_id for run in children]


@pytest.mark.parametrize(("kind", "times"), [(signal.SIGINT, 2), (signal.SIGKILL, 1)])
def test_nothing_is_left_running_of_a_sweep_under_joblib(home, command, images, kind, times):
    name = f"joblib-{kind.name}"
    side_by_side = _sweep(images, name, "hydra/launcher=joblib", "hydra.launcher.n_jobs=2")
    folder = home / "multirun" / name
    code, workers = _stopped_in_first_trial(home, side_by_side, folder / "0", kind, times)
    assert code == (-9 if kind == signal.SIGKILL else 130)
    _, alive = psutil.wait_procs(workers, timeout=20)
    assert not alive
    if kind != signal.SIGKILL:
        assert {run.info.status for run in _runs(home, name)} == {"KILLED"}
    rest = command(*side_by_side)
    assert rest.returncode == 0, rest.stderr
    ended = Counter(run.info.status for run in _runs(home, name))
    assert ended["FINISHED"] == 3 and {*ended} <= {"FINISHED", "KILLED"}  # killed before its first checkpoint


def test_a_sweep_in_which_all_fails_ends_failed_and_is_not_tried_in_vain(home, command, images):
    in_vain = _sweep(images, "vain", "optim.lr=1e30")
    done = command(*in_vain)
    assert done.returncode == 1 and "given up" in done.stdout
    assert [run.info.status for run in _runs(home, "vain")] == ["FAILED"] * 3
    again = command(*in_vain)
    assert again.returncode == 1
    assert len(_runs(home, "vain")) == 3


def test_a_study_on_other_data_is_refused(home, command, images):
    command(*_sweep(images, "fixed", "trainer.max_epochs=1", "seed=0,1"))
    other = home / "other.npz"
    command(
        "src/prepare.py",
        f"export={other}",
        "protocol.videos=5",
        "protocol.squats=36",
        "data.width=270",
        "data.height=480",
    )
    other.replace(images)
    done = command(*_sweep(images, "fixed", "trainer.max_epochs=1", "seed=0,1"))
    assert done.returncode == 2
    assert "the data's fingerprint was" in done.stderr
