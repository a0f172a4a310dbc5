"""The program as a user starts it, in a home of its own, and the signals that meet it."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from scenarios import Kind

ROOT = Path(__file__).resolve().parents[2]
STUDY, SEEDS, EPOCHS = "tortured", (0, 1, 2), 5
QUIET = 30.0  # seconds in which all processes must be gone after a signal
_SMALL = ("skeleton.height=48", "skeleton.width=27")
_VIDEOS = ("protocol.videos=4", "protocol.squats=20", "data.width=270", "data.height=480")
_RUN = re.compile(r"^Run ([0-9a-f]{32}), in (.+)$", re.MULTILINE)


def prepare_command(images: Path) -> list[str]:
    return ["src/prepare.py", f"export={images}", *_VIDEOS, *_SMALL]


def command(kind: Kind, home: Path, images: Path) -> list[str]:
    """What a user types. images: what a training is given; preparing makes its own."""
    if kind.what == "prepare":
        return prepare_command(home / "images.npz")
    more: list[str] = []
    if kind.what == "sweep":
        more = ["-m", f"seed={','.join(map(str, SEEDS))}", f"hydra.sweeper.study={STUDY}"]
        if kind.launcher == "joblib":
            more += ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]
    return [
        "src/train.py",
        *more,
        "data=arrays",
        f"data.file={images}",
        f"tracking={kind.store}",
        "trainer=cpu",
        f"trainer.max_epochs={EPOCHS}",
        "model.blocks=1",
        "model.hidden=[16,8]",
        "optim.batch_size=8",
        "split=by_squat",
        "split.val=0.25",
        "split.test=0.25",
        *_SMALL,
    ]


def resuming(kind: Kind, home: Path) -> tuple[str, list[str]] | None:
    """The run of the last training, and the command that goes on with it, empty where it left no checkpoint.

    None where no training has said its run yet.
    """
    said = [found for log in logs(home) for found in _RUN.findall(log.read_text(errors="replace"))]
    if kind.what != "train" or not said:
        return None
    run, folder = said[-1]
    if not (Path(folder) / "last.ckpt").exists():
        return run, []
    return run, ["src/train.py", f"resume={run}", f"tracking={kind.store}"]


def logs(home: Path) -> list[Path]:
    """What each start printed, oldest first."""
    return sorted(home.glob("log-*.txt"))


def start(home: Path, arguments: Sequence[str]) -> subprocess.Popen[bytes]:
    """A process that leads a group of its own, as in a terminal."""
    with (home / f"log-{len(logs(home)):02}.txt").open("wb") as log:
        log.write(f"$ python {' '.join(arguments)}\n".encode())
        log.flush()
        return subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env={**os.environ, "DEEPSQUAT_HOME": str(home), "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def ends_within(process: subprocess.Popen[bytes], seconds: float) -> bool:
    try:
        process.wait(max(0.0, seconds))
    except subprocess.TimeoutExpired:
        return False
    return True


def send(process: subprocess.Popen[bytes], whom: str, number: signal.Signals) -> None:
    if whom == "group":
        os.killpg(process.pid, number)
    else:
        os.kill(process.pid, number)


def living(home: Path) -> list[psutil.Process]:
    """The processes of every start in this home, or in a home below it; known by their environment."""
    found = []
    for process in psutil.process_iter():
        try:
            theirs = Path(process.environ().get("DEEPSQUAT_HOME") or "/")
            alive = process.status() != psutil.STATUS_ZOMBIE
        except (psutil.Error, OSError):
            continue
        if alive and process.pid != os.getpid() and theirs.is_relative_to(home):
            found.append(process)
    return found


def left_alive(process: subprocess.Popen[bytes], home: Path) -> str:
    """Who outlives the wait after a signal, in words; empty where all are gone."""
    deadline = time.monotonic() + QUIET
    while (process.poll() is None or living(home)) and time.monotonic() < deadline:
        time.sleep(0.2)
    return ", ".join(_described(one) for one in living(home))


def _described(process: psutil.Process) -> str:
    try:
        line = " ".join(process.cmdline())[:100]
        memory = process.memory_info().rss // 1_000_000
    except psutil.Error:
        return f"process {process.pid}"
    return f"process {process.pid} ({memory} MB, parent {process.ppid()}): {line}"


def end_all(home: Path) -> None:
    for process in living(home):
        try:
            process.kill()
        except psutil.Error:
            continue
