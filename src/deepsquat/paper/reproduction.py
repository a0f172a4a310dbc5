"""The paper's tables, one sweep after the other; stopped when the time is up, resumed by the next start."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deepsquat.errors import UserError
from deepsquat.overrides import hydra_text
from deepsquat.paper.packing import adopt, ended, pack
from deepsquat.processes import ENDS_WITH_PARENT

_FINAL = ["experiment=final", "seed=0"]  # a sweep of one trial, since a sweep can be resumed
# By protocol, in the order in which they are run: what tells most of the paper's tables comes first.
TABLES: dict[str, dict[str, list[str]]] = {
    "paper": {"depth_l2": ["sweep=depth_l2"], "kernel_l2": ["sweep=kernel_l2"], "final": _FINAL},
    "paper_steps": {
        "depth_l2": ["sweep=depth_l2", "optim.l2=1e-2,1e-4"],
        "kernel_l2": ["sweep=kernel_l2"],
        "final": _FINAL,
        "depth_l2_rest": ["sweep=depth_l2", "optim.l2=1e-3"],
        "batch_size": ["sweep=batch_size"],
    },
}
OUT_OF_TIME = 75
_TO_END = 60.0  # seconds that a run gets to end cleanly
_LOOK = 10.0  # seconds from one look at what has ended to the next


@dataclass(frozen=True)
class Step:
    """One sweep. arguments: of src/train.py."""

    study: str
    arguments: Sequence[str]


def steps(
    protocol: str, files: Sequence[Path], tables: Sequence[str] | None, more: Sequence[str], root: Path
) -> list[Step]:
    """The sweeps, file by file in the order of the tables. tables: None: all. more: overrides for every run.

    A file within `root` is named from there, so that its runs' configs hold on every machine.

    Raises:
        UserError: a file is not there, two have one name, or there is no such protocol or table.
    """
    if protocol not in TABLES:
        raise UserError(f"protocol={protocol}: its tables are not the paper's; there are {', '.join(TABLES)}")
    known = TABLES[protocol]
    for table in tables or ():
        if table not in known:
            raise UserError(f"tables: there is no {table}; there are {', '.join(known)}")
    names = [re.sub(r"\W+", "_", file.stem) for file in files]
    if len(set(names)) < len(names):
        raise UserError(f"files: two have the same name ({', '.join(names)}), and so would their studies")
    for file in files:
        if not file.is_file():
            raise UserError(f"files: {file} is not there; write it with src/prepare.py export={file.name}")
    found = []
    for file, name in zip(files, names, strict=True):
        place = file.resolve()
        if place.is_relative_to(root):
            place = place.relative_to(root)
        for table in tables or known:
            study = f"{table}-{protocol}-{name}"
            common = [
                f"protocol={protocol}",
                "data=arrays",
                f"data.file={hydra_text(str(place))}",
                "tracking=offline",
                "hydra.sweeper.may_be_new=true",  # tables may take longer than a version lasts
            ]
            found.append(Step(study, ["-m", *known[table], *common, f"hydra.sweeper.study={study}", *more]))
    return found


def run(found: Sequence[Step], root: Path, home: Path, minutes: float | None, archive: Path) -> int:
    """Runs the steps until the time is up; packs what there is after each trial, and at the end.

    What `archive` holds counts as done. The exit code: 0 all done, 1 some runs failed, 2 a step was refused,
    and has said why, 75 out of time.
    """
    deadline = None if minutes is None else time.monotonic() + 60 * minutes
    studies = [step.study for step in found]
    failed = False
    if archive.is_file():  # what it holds of other tables stays in it
        studies += [name for name in adopt(archive, home) if name not in studies]
    try:
        for number, step in enumerate(found, 1):
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left < 20:  # the start alone takes that long
                return OUT_OF_TIME
            print(f"[{number}/{len(found)}] {step.study}", flush=True)
            code = _run(step, root, left, _Packing(home, archive, studies))
            if code is None:
                return OUT_OF_TIME
            if code == 2:
                return 2
            failed = failed or code != 0
        return int(failed)
    finally:
        if pack(home, archive, studies):
            print(f"Packed as {archive}", flush=True)


class _Packing:
    """Packs when a run has ended: at the look after that, for by then its study knows it too."""

    def __init__(self, home: Path, archive: Path, studies: Sequence[str]) -> None:
        self.home, self.archive, self.studies = home, archive, studies
        self.packed = self.seen = ended(home, studies)

    def look(self) -> None:
        before, self.seen = self.seen, ended(self.home, self.studies)
        if self.seen == before != self.packed:
            pack(self.home, self.archive, self.studies)
            self.packed = self.seen


def _run(step: Step, root: Path, seconds: float | None, packing: _Packing) -> int | None:
    """The exit code; None where the time was up, and the sweep was ended cleanly."""
    line = [sys.executable, str(root / "src" / "train.py"), *step.arguments]
    # In a session of its own, so that Ctrl-C, like SIGTERM, reaches it through us, and once.
    told = {**os.environ, ENDS_WITH_PARENT: "1"}  # where we are killed ourselves
    process = subprocess.Popen(line, cwd=root, env=told, start_new_session=True)
    deadline = None if seconds is None else time.monotonic() + seconds
    try:
        while True:
            left = _LOOK if deadline is None else min(_LOOK, deadline - time.monotonic())
            try:
                return process.wait(max(0.0, left))
            except subprocess.TimeoutExpired:
                if deadline is not None and time.monotonic() >= deadline:
                    return None
                packing.look()
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
