"""The sweep itself: claim, launch, tell what became of it, until no point is left."""

import os
import re
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from deepsquat.errors import UserError
from deepsquat.locks import locked
from deepsquat.overrides import hydra_text
from deepsquat.processes import ignore_signals, stop_on_sigterm
from deepsquat.study.beginning import begin_with
from deepsquat.study.hooks import Hooks
from deepsquat.study.opening import opened
from deepsquat.study.options import StudyOptions
from deepsquat.study.ownership import Heartbeat
from deepsquat.study.points import Points, beat, fail, how, living, process_of
from deepsquat.study.progress import Terminal
from deepsquat.study.slots import Slots
from deepsquat.study.space import Params, Space, in_words
from deepsquat.study.storage import open_storage
from deepsquat.study.task import Task, interrupt, mine


def sweep(
    options: StudyOptions,
    address: str,
    folder: Path,
    space: Space,
    identity: Mapping[str, Any],
    hooks: Hooks,
    task: Task,
    slots: Slots,
    first: Sequence[Params] = (),
) -> int:
    """Runs what is missing in a study; the number of points that are not done.

    Raises:
        UserError: the study was started with other values, or the folder is another's.
        KeyboardInterrupt: as it came; the running trials are ended and can be resumed.
    """
    stop_on_sigterm()
    open_storage(address)  # its errors come before minutes of data
    identity = {**identity, **hooks.identity()}
    study = opened(options, address, folder, identity)
    points = Points(study, space, options, hooks.version(), first)
    _refuse_other_code(points)
    _say_version(points)
    if options.begin_with is not None:
        _begin(points, folder, options, identity)
    lost = points.fail_lost()
    points.begin()
    say = Terminal(points, str(folder))
    _say_lost(say, lost)

    def keep_alive() -> None:
        for trial in mine(points.trials()):
            beat(study, trial.number)

    try:
        more = hooks.on_start(study)
        with say, Heartbeat(keep_alive), _time_limit(options.sweep_timeout), slots:
            _run(points, slots, say, hooks, more)
        undone = say.end()
        hooks.on_end(study, "undone" if undone else "done")
    except BaseException as error:
        ignore_signals()  # a second Ctrl-C must not stop what is ended here in the middle
        interrupted = isinstance(error, KeyboardInterrupt)
        with suppress(Exception):  # what came first is what the user must know
            hooks.on_end(interrupt(task), "interrupted" if interrupted else "undone")
        if interrupted:
            print("Interrupted. The same command resumes the sweep.", flush=True)
        raise
    return undone


def _begin(points: Points, folder: Path, options: StudyOptions, identity: Mapping[str, Any]) -> None:
    with locked(folder / ".opening.lock"):  # two first starts take them over once
        taken, strange = begin_with(points, folder, options, identity)
    if taken or (strange and not points.trials()):
        others = f"; {strange} more lie outside of this space" if strange else ""
        print(f"Begun with {taken} trials of {options.begin_with}{others}")


@contextmanager
def _time_limit(seconds: float | None) -> Iterator[None]:
    """Ends the block after so long as Ctrl-C would: what runs is interrupted, and can be resumed."""
    if seconds is None:
        yield
        return
    # SIGTERM, which `stop_on_sigterm` makes one of: a process in a script's background ignores SIGINT.
    timer = threading.Timer(seconds, lambda: os.kill(os.getpid(), signal.SIGTERM))
    timer.daemon = True
    start = time.monotonic()
    timer.start()
    try:
        yield
    except KeyboardInterrupt:
        if time.monotonic() - start < seconds:
            raise
        said = f"hydra.sweeper.sweep_timeout={seconds:g} s have passed."
        raise KeyboardInterrupt(f"{said} The same command goes on with the sweep.") from None
    finally:
        timer.cancel()


def _run(points: Points, slots: Slots, say: Terminal, hooks: Hooks, more: Mapping[str, Any]) -> None:
    errors: list[str | None] = []  # of the first trials of this start
    stopped = False
    while not stopped or slots.running:
        _say_lost(say, points.fail_lost())
        while not stopped and slots.has_room and (trial := points.claim()) is not None:
            slots.start(_overrides(points, trial, more), trial.number)
        if not slots.running:
            if not say.waits():
                return
            time.sleep(1)
            continue
        if (back := slots.ended(seconds=1)) is None:
            continue
        ended = _ended(points, *back)
        say.trial(ended)
        hooks.on_trial_end(points.study, ended)
        errors.append(ended.user_attrs.get("error") if how(ended) == "failed" else None)
        if not stopped and ended.user_attrs.get("concerns_all"):
            say.line("Stopped: this concerns every trial")
            stopped = True
        first = {_alike(error) for error in errors[:3] if error}
        if not stopped and len(errors) >= 3 and all(errors[:3]) and len(first) == 1 and points.free():
            say.line(f"Stopped: the first three trials failed in the same way: {errors[0]}")
            stopped = True


def _overrides(points: Points, trial: optuna.Trial, more: Mapping[str, Any]) -> list[str]:
    told = {
        "number": trial.number,
        # Of what is swept, in words; a $ would be read as an interpolation.
        "name": f"trial {trial.number}: {in_words(trial.params)}".replace("$", ""),
        "objective": list(points.options.objectives),
        "study": points.study.study_name,
        "id": points.study.user_attrs["id"],
        "point": trial.user_attrs["point"],
        "earlier": trial.user_attrs["earlier"],
        **more,
    }
    return [*points.space.overrides(trial.params), f"++trial={hydra_text(told)}"]


def _ended(points: Points, number: int, error: Exception | None) -> FrozenTrial:
    """A trial whose launch has come back; it has ended then, whatever happened to its process."""
    if points.trials()[number].state == TrialState.RUNNING:
        problem = "the trial's process was killed"
        if error is not None:
            problem = f"{type(error).__name__}: {' '.join(str(error).split())[:500]}"
        fail(points.study, number, "failed", problem)
    return points.trials()[number]


def _alike(error: str) -> str:
    """The error without what differs from trial to trial."""
    return re.sub(r"\d+", "#", error)


def _say_lost(say: Terminal, numbers: Sequence[int]) -> None:
    for number in numbers:
        say.line(f"trial {number}: its process is gone; it is resumed")


def _refuse_other_code(points: Points) -> None:
    """
    Raises:
        UserError: another process runs a trial now with other code.
    """

    def other(trials: Sequence[Any]) -> list[Any]:
        return [t for t in trials if t.user_attrs.get("version", points.version) != points.version]

    running = [trial for trial in points.trials() if trial.state == TrialState.RUNNING]
    if other(running) and (found := other(living(points.study))):
        theirs = found[0].user_attrs["version"]
        raise UserError(
            f"the code here is {points.version}, and trial {found[0].number} runs with {theirs} "
            f"({process_of(found[0])}); bring the same code here, or wait until that process has ended"
        )


def _say_version(points: Points) -> None:
    versions = [t.user_attrs.get("version", "") for t in points.trials() if "point" in t.user_attrs]
    if versions and versions[-1] != points.version:
        before = f"since trial {len(versions) - 1}: {versions[-1]}"
        print(f"Note: the code has changed {before}, now {points.version}.")
