"""The temporary home that a benchmark runs in, so that it never touches the user's data and runs."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deepsquat.commands import run as command


@dataclass(frozen=True)
class Home:
    """A folder that stands for the repository's root: data, runs and MLflow's store lie in it."""

    folder: Path
    models: Path  # the user's folder of pose models; it is linked, not copied

    @property
    def bundle(self) -> Path:
        """The pose bundle, made on first use."""
        from deepsquat.pose.model_bundle import pose_bundle

        return pose_bundle(self.models, None)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Python with these arguments in the repository, its data in this home."""
        return subprocess.Popen(
            [sys.executable, *arguments],
            cwd=command.ROOT,
            env={**os.environ, "DEEPSQUAT_HOME": str(self.folder)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str) -> float:
        """Runs it to its end; seconds.

        Raises:
            RuntimeError: it did not end well.
        """
        start = time.perf_counter()
        finish(self.start(*arguments))
        return time.perf_counter() - start

    @contextmanager
    def emptied(self, name: str) -> Iterator["Home"]:
        """An empty home inside this one, removed at the end."""
        folder = self.folder / name
        try:
            yield _furnished(folder, self.models)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def prepared(self) -> Sequence[str]:
        """Overrides by which src/prepare.py and src/train.py find a tiny corpus, made on the first call."""
        overrides = [
            "protocol.videos=2",
            "protocol.squats=12",
            "data.width=180",
            "data.height=320",
        ]
        if not (self.folder / "data" / "landmarks").exists():
            self.run("src/prepare.py", *overrides)
        return overrides


def finish(process: subprocess.Popen[str]) -> None:
    """Waits for a process of `Home.start`.

    Raises:
        RuntimeError: it did not end well.
    """
    try:
        _, errors = process.communicate()
    except BaseException:
        process.terminate()  # politely: a sweep ends its trial and its own children
        process.communicate()
        raise
    if process.returncode != 0:
        raise RuntimeError(f"{process.args!r} ended with exit code {process.returncode}:\n{errors}")


@contextmanager
def temporary_home(models: Path) -> Iterator[Home]:
    """A home that is removed at the end."""
    with tempfile.TemporaryDirectory(prefix="deepsquat-bench-", ignore_cleanup_errors=True) as folder:
        yield _furnished(Path(folder), models)


def _furnished(folder: Path, models: Path) -> Home:
    models.mkdir(parents=True, exist_ok=True)
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "models").symlink_to(models.resolve())
    return Home(folder, models)
