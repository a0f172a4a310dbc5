"""Sweeps of real, tiny trainings through the command line."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

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


def _runs(home: Path, name: str) -> list:
    """The parent's run and then its children's, oldest first."""
    store = Store(MlflowOptions(f"sqlite:///{home}/mlflow.db", str(home / "mlruns")))
    parent = store.only("sweep", name)
    assert parent is not None
    children = store.client.search_runs(
        [store.experiment], f"tags.`mlflow.parentRunId` = '{parent.id}'", order_by=["attributes.start_time"]
    )
    return [store.client.get_run(parent.id), *children]


def _kill_in_first_training(home: Path, arguments: list[str], folder: Path, kind: signal.Signals) -> int:
    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment(home),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 120
    while not (folder / "last.ckpt").exists():
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.02)
    process.send_signal(kind)
    return process.wait(60)


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

    for name, kind in (("killed", signal.SIGKILL), ("interrupted", signal.SIGINT)):
        folder = home / "multirun" / name
        code = _kill_in_first_training(home, _sweep(images, name), folder / "0", kind)
        assert code == (130 if kind == signal.SIGINT else -9)
        rest = command(*_sweep(images, name))
        assert rest.returncode == 0, rest.stderr
        _, *children = _runs(home, name)
        assert [run.info.status for run in children] == ["FINISHED", "FINISHED"]
        assert [run.data.metrics["val/loss"] for run in children] == values
        assert children[0].data.tags["resumed"] == "after trial 0"
        assert (folder / "report" / "table.csv").exists()


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
