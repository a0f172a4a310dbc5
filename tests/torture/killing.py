"""One scenario: start, kill, see who outlives it, start again, and look at what is there in the end."""

import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

import faults
import jobs
import kept
from faults import Fault
from scenarios import Kind, Scenario


class Stopped(Exception):
    """The user wants no more."""


@dataclass
class Kill:
    """after: seconds from the start to the signal. code: the exit code, None where the process went on."""

    after: float
    code: int | None
    seconds: float  # until the last process was gone
    faults: list[Fault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Reference:
    """A job that nobody killed.

    aim: seconds over which kills fall, from the start, or from where a first mlflow.db is begun.
    """

    seconds: float
    aim: float
    state: dict[str, Any]


class Torture:
    """A folder with the images, the unkilled jobs of each kind as they are needed, and the homes."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.images = folder, folder / "images" / "images.npz"
        self.stopped = False
        self.references: dict[Kind, Reference] = {}
        self.locks: dict[str, Lock] = {}

    def make_images(self) -> None:
        """Draws and estimates the few images that the trainings are given, and a database of MLflow's."""
        home = self.home("images", None)
        self._run(home, jobs.prepare_command(self.images), 600)
        line = "import sys, mlflow; mlflow.MlflowClient(sys.argv[1]).search_experiments()"
        address = f"sqlite:///{self.folder}/mlflow.db"
        subprocess.run(
            [sys.executable, "-c", line, address], check=True, capture_output=True, cwd=self.folder
        )

    def home(self, name: str, kind: Kind | None) -> Path:
        """A new home with the pose model, and with a ready database but for a first start."""
        home = self.folder / name
        (home / "data").mkdir(parents=True)
        models = jobs.ROOT / "data" / "models"
        models.mkdir(exist_ok=True)
        (home / "data" / "models").symlink_to(models)
        if kind is not None and kind.store == "mlflow" and not kind.first:
            shutil.copyfile(self.folder / "mlflow.db", home / "mlflow.db")
        return home

    def _run(self, home: Path, arguments: list[str], seconds: float) -> None:
        process = jobs.start(home, arguments)
        if not jobs.ends_within(process, seconds) or process.returncode:
            raise RuntimeError(f"this did not end well even unkilled:\n{jobs.logs(home)[-1].read_text()}")

    def reference(self, kind: Kind) -> Reference:
        """The unkilled job of a kind, run once."""
        with self.locks.setdefault(str(kind), Lock()):
            if kind not in self.references:
                home = self.home(f"unkilled {kind}".replace(" ", "-").replace(":", ""), kind)
                self.references[kind] = self._measured(kind, home)
                shutil.rmtree(home)
            return self.references[kind]

    def _measured(self, kind: Kind, home: Path) -> Reference:
        start = time.monotonic()
        process = jobs.start(home, jobs.command(kind, home, self.images))
        _until_database(home, process)
        seen = time.time()
        if not jobs.ends_within(process, 600):
            jobs.end_all(home)
            process.wait()
        seconds = time.monotonic() - start
        if process.returncode:
            if self.stopped:
                raise Stopped
            raise RuntimeError(f"this did not end well even unkilled:\n{jobs.logs(home)[-1].read_text()}")
        aim = _first_run(home / "mlflow.db") - seen + 1 if kind.first else seconds
        return Reference(seconds, aim, faults.state(kind, home))

    def suffer(self, scenario: Scenario, tell: Callable[[Kill], None]) -> list[Kill]:
        """Plays a scenario; `tell` gets every kill once all is known of it. A home with faults stays.

        Raises:
            Stopped: the user wants no more.
        """
        reference = self.reference(scenario.kind)
        home = self.home(f"scenario-{scenario.number}", scenario.kind)
        kills: list[Kill] = []
        for moment in scenario.moments:
            kill = self._killed(scenario, home, reference, moment)
            self._check_stopped()
            if kill is None:
                break
            for earlier in kills[-1:]:
                tell(earlier)
            kills.append(kill)
        if kills:
            self._brought_to_its_end(scenario, home, reference, kills[-1])
            tell(kills[-1])
        if not any(kill.faults for kill in kills):
            shutil.rmtree(home)
        return kills

    def _killed(self, scenario: Scenario, home: Path, reference: Reference, moment: float) -> Kill | None:
        """Starts the job, or goes on with it, and kills it; None where it has ended before."""
        arguments = self._next(scenario.kind, home)
        if arguments is None:
            return None
        start = time.monotonic()
        process = jobs.start(home, arguments)
        if scenario.kind.first:
            _until_database(home, process)
        if jobs.ends_within(process, moment * reference.aim):
            return None
        after, sent = time.monotonic() - start, time.monotonic()
        jobs.send(process, scenario.whom, scenario.signal)
        alive = jobs.left_alive(process, home)
        kill = Kill(after, process.poll(), time.monotonic() - sent)
        if alive:
            kill.faults.append(("stuck", f"alive {jobs.QUIET:.0f} s after the signal: {alive}"))
            jobs.end_all(home)
            process.wait()
        elif kill.code not in (0, 130, -scenario.signal):
            kill.notes.append(f"exit code {kill.code}: {_last_line(home)}")
        return kill

    def _brought_to_its_end(self, scenario: Scenario, home: Path, reference: Reference, kill: Kill) -> None:
        """The same command again, then all that should be there in the end."""
        arguments = self._next(scenario.kind, home)
        if arguments is not None:
            process = jobs.start(home, arguments)
            bound = 120 + 5 * reference.seconds
            ended = jobs.ends_within(process, bound)
            alive = jobs.left_alive(process, home) if ended else ""
            self._check_stopped()
            jobs.end_all(home)
            if not ended or alive:
                kill.faults.append(("stuck", alive or f"started again, it did not end in {bound:.0f} s"))
            if ended and process.returncode:
                kill.faults.append(("unusable", f"exit code {process.returncode}: {_last_line(home)}"))
            if not ended or process.returncode:
                return
        wrong, notes = faults.found(scenario, home, reference.state)
        kill.faults += wrong
        kill.notes += notes

    def _next(self, kind: Kind, home: Path) -> list[str] | None:
        """What a user types now; None where the training has finished, so that nothing is left to do."""
        resumed = jobs.resuming(kind, home)
        if resumed is None:
            return jobs.command(kind, home, self.images)
        run, arguments = resumed
        if any(one.id == run and one.status == "FINISHED" for one in kept.runs(kind, home)):
            return None
        return arguments or jobs.command(kind, home, self.images)

    def _check_stopped(self) -> None:
        if self.stopped:
            raise Stopped

    def stop(self) -> None:
        self.stopped = True
        jobs.end_all(self.folder)


def _until_database(home: Path, process: subprocess.Popen[bytes]) -> None:
    """Until the process has begun to write to a database of MLflow's, under whatever name."""
    before = _changed(home)
    while process.poll() is None and _changed(home) == before:
        time.sleep(0.01)


def _changed(home: Path) -> float:
    """When a file of a database was last changed; 0 where there is none."""
    with suppress(FileNotFoundError):  # one that had its name changed in between
        return max((path.stat().st_mtime for path in home.glob("*mlflow*db*")), default=0.0)
    return -1.0


def _first_run(path: Path) -> float:
    """When the first run of a database was started, in seconds since 1970."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        return float(database.execute("select min(start_time) from runs").fetchone()[0]) / 1000


def _last_line(home: Path) -> str:
    lines = jobs.logs(home)[-1].read_text(errors="replace").splitlines()
    return next((line.strip() for line in reversed(lines) if line.strip()), "")[:300]
