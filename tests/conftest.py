"""One small corpus for the whole session, made by the program itself."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from program import ROOT, Command, environment

# Begun in the background of a script, the tests and what they start would ignore Ctrl-C, and some are there
# to be interrupted. A handler, unlike an ignored signal, is not handed on: those processes get the default.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # likewise under nohup


@pytest.fixture(scope="session")
def bundle_folder() -> Path:
    """A data folder whose models/ holds the pose bundle: the project's own, so that it is fetched once."""
    from deepsquat.pose.model_bundle import pose_bundle

    pose_bundle(ROOT / "data" / "models", None)
    return ROOT / "data"


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory, bundle_folder: Path) -> Path:
    """A home of its own for data, runs and MLflow's store, with the pose bundle in place."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "data").mkdir()
    (folder / "data" / "models").symlink_to(bundle_folder / "models")
    return folder


@pytest.fixture(scope="session")
def corpus(home: Path):
    """Three short drawn videos with their labels."""
    from deepsquat.data.squats import FrameChoice
    from deepsquat.data.synthetic.source import SyntheticSquats

    folder = home / "data" / "raw" / "synthetic"
    return SyntheticSquats(
        root=str(folder), videos=3, squats=15, seed=7, frames=FrameChoice(1, 1 / 15)
    ).collect()


@pytest.fixture(scope="session")
def command(home: Path) -> Command:
    """Runs one of the program's scripts as a user does, in a home of its own."""

    def run(*arguments: str, home: Path = home, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=environment(home),
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    return run
