"""The paper's tables, one sweep after the other; stopped when the time is up, resumed by the next start."""

import os
import re
import subprocess
import sys
import tarfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deepsquat.errors import UserError
from deepsquat.files import written_whole
from deepsquat.overrides import hydra_text
from deepsquat.processes import ENDS_WITH_PARENT

TABLES = {
    "depth_l2": ["sweep=depth_l2"],
    "kernel_l2": ["sweep=kernel_l2"],
    "final": ["experiment=final", "seed=0"],  # a sweep of one trial, since a sweep can be resumed
}
OUT_OF_TIME = 75
_TO_END = 60.0  # seconds that a run gets to end cleanly
_LEFT_OUT = {".ckpt", ".lock", ".png", ".part"}  # what a pack does without


@dataclass(frozen=True)
class Step:
    """One sweep. arguments: of src/train.py."""

    study: str
    arguments: Sequence[str]


def steps(files: Sequence[Path], tables: Sequence[str], more: Sequence[str]) -> list[Step]:
    """The sweeps, file by file in the order of the tables. more: overrides for every run.

    Raises:
        UserError: a file is not there, two have one name, or a table is unknown.
    """
    for table in tables:
        if table not in TABLES:
            raise UserError(f"tables: there is no {table}; there are {', '.join(TABLES)}")
    names = [re.sub(r"\W+", "_", file.stem) for file in files]
    if len(set(names)) < len(names):
        raise UserError(f"files: two have the same name ({', '.join(names)}), and so would their studies")
    for file in files:
        if not file.is_file():
            raise UserError(f"files: {file} is not there; write it with src/prepare.py export={file.name}")
    found = []
    for file, name in zip(files, names, strict=True):
        for table in tables:
            study = f"{table}-paper-{name}"
            common = [
                "protocol=paper",
                "data=arrays",
                f"data.file={hydra_text(str(file.resolve()))}",
                "tracking=offline",
            ]
            found.append(Step(study, ["-m", *TABLES[table], *common, f"hydra.sweeper.study={study}", *more]))
    return found


def run(found: Sequence[Step], root: Path, home: Path, minutes: float | None, out: Path) -> int:
    """Runs the steps until the time is up, then packs the results so far.

    The exit code: 0 all done, 1 some runs failed, 2 a step was refused, and has said why, 75 out of time.
    """
    deadline = None if minutes is None else time.monotonic() + 60 * minutes
    failed = False
    try:
        for number, step in enumerate(found, 1):
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left < 20:  # the start alone takes that long
                return OUT_OF_TIME
            print(f"[{number}/{len(found)}] {step.study}", flush=True)
            code = _run(step, root, left)
            if code is None:
                return OUT_OF_TIME
            if code == 2:
                return 2
            failed = failed or code != 0
        return int(failed)
    finally:
        if (path := pack(home, out, [step.study for step in found])) is not None:
            print(f"Packed as {path}", flush=True)


def _run(step: Step, root: Path, seconds: float | None) -> int | None:
    """The exit code; None where the time was up, and the sweep was ended cleanly."""
    line = [sys.executable, str(root / "src" / "train.py"), *step.arguments]
    # In a session of its own, so that Ctrl-C, like SIGTERM, reaches it through us, and once.
    told = {**os.environ, ENDS_WITH_PARENT: "1"}  # where we are killed ourselves
    process = subprocess.Popen(line, cwd=root, env=told, start_new_session=True)
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        return None
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends a sweep that still runs, cleanly where it can."""
    if process.poll() is not None:
        return
    process.terminate()  # a process begun in a script's background ignores SIGINT
    try:
        process.wait(_TO_END)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def pack(home: Path, out: Path, studies: Sequence[str]) -> Path | None:
    """The runs kept as plain files, and the studies' own files, without checkpoints and pictures.

    None where there is nothing to pack yet.
    """
    name = "-and-".join(dict.fromkeys(study.split("-paper-")[1] for study in studies))
    path = out / f"{name}.tar.gz"
    multirun = home / "multirun"
    kept = [multirun / "offline", *(multirun / study / "study.journal" for study in studies)]
    files = [file for place in kept for file in (sorted(place.rglob("*")) if place.is_dir() else [place])]
    files = [file for file in files if file.is_file() and file.suffix not in _LEFT_OUT]
    if not files:
        return None
    with written_whole(path) as temporary, tarfile.open(temporary, "w:gz") as archive:
        for file in files:
            archive.add(file, file.relative_to(home))
    return path
