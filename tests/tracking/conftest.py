"""Stores of both kinds, a machine with little installed, and a file of images to train on there."""

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from deepsquat.runs.missing import draw_missing
from deepsquat.tracking.mlflow import MlflowOptions
from deepsquat.tracking.offline import OfflineOptions, Store
from deepsquat.tracking.sync import import_runs
from program import Command, tiny

# Not there, neither as modules nor as packages that others find installed.
MISSING = (
    *("mlflow", "sqlalchemy", "alembic", "cv2", "albumentations", "mediapipe", "av", "pyarrow", "pandas"),
    *("sklearn", "scikit-learn", "scipy", "matplotlib", "psutil", "joblib", "cmaes", "requests", "PIL"),
)
_BARE = f"""
import importlib.metadata, runpy, sys
missing, installed = {MISSING!r}, importlib.metadata.distribution
def distribution(name):
    if name.lower() in missing:
        raise importlib.metadata.PackageNotFoundError(name)
    return installed(name)
importlib.metadata.distribution = distribution
sys.modules.update(dict.fromkeys(missing))
sys.path.insert(0, "src")
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture(scope="session")
def bare() -> list[str]:
    """What starts a script as on a machine with torch, Lightning, NumPy, Hydra and Optuna alone."""
    return ["-c", _BARE]


@pytest.fixture(scope="session")
def images(command: Command, corpus, home: Path) -> Path:
    """A file of small images of the session's corpus."""
    path = home / "tracking.npz"
    size = ("skeleton.height=48", "skeleton.width=27")
    done = command("src/prepare.py", "data=videos", f"data.root={corpus.root}", *size, f"export={path}")
    assert done.returncode == 0, done.stderr
    return path


@pytest.fixture(scope="session")
def training(corpus, images: Path) -> Callable[..., list[str]]:
    """Overrides for a training of seconds on that file, tracked offline unless said otherwise."""

    def overrides(*more: str, offline: bool = True) -> list[str]:
        words = [word for word in tiny(corpus) if not word.startswith("data")]
        tracked = ["tracking=offline"] if offline else []
        return [*words, "data=arrays", f"data.file={images}", "trainer=cpu", *tracked, *more]

    return overrides


@pytest.fixture(scope="session")
def trained(
    bare: list[str], training: Callable[..., list[str]], command: Command, home: Path
) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """The folder of an offline training where little is installed, and the command that made it."""
    folder = home / "to be synced"
    done = command(*bare, *training(f"tracking.folder='{folder}'"))
    assert done.returncode == 0, done.stderr
    (run,) = folder.iterdir()
    return run, done


@pytest.fixture(scope="session")
def mlflow_options(tmp_path_factory: pytest.TempPathFactory) -> MlflowOptions:
    """One store for the tests of a session, since its tables take seconds to make."""
    folder = tmp_path_factory.mktemp("mlflow")
    return MlflowOptions(f"sqlite:///{folder}/mlflow.db", str(folder / "mlruns"))


@pytest.fixture
def offline(tmp_path: Path) -> Store:
    return OfflineOptions(str(tmp_path / "offline")).open_store()


@pytest.fixture
def options(mlflow_options: MlflowOptions, tmp_path: Path) -> MlflowOptions:
    """An experiment of the test's own."""
    return replace(mlflow_options, experiment=tmp_path.name)


@pytest.fixture
def bring(offline: Store, options: MlflowOptions, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Imports a folder, by default all offline runs; what it says."""

    def bring(folder: Path = offline.folder) -> str:
        import_runs(folder, options, draw_missing)
        return capsys.readouterr().out

    return bring
