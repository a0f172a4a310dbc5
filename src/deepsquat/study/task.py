"""The task function as a trial: told what it is, its output in its folder, its end written into the study."""

import gc
import io
import math
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from omegaconf import DictConfig
from optuna.trial import FrozenTrial, TrialState

from deepsquat.errors import UserError
from deepsquat.processes import cores, end_with_parent, stop_on_sigterm
from deepsquat.processes import interrupt as interrupt_process
from deepsquat.study.options import StudyOptions
from deepsquat.study.ownership import Heartbeat, is_alive, this_process
from deepsquat.study.points import beat, fail, mark, open_study, process_of, processes, tell
from deepsquat.study.running import Pruned, Running, set_running
from deepsquat.study.storage import open_storage

_QUEUE = "SUBMITIT_EXECUTOR"  # in the environment of what submitit has started
_TO_END = 10.0  # seconds that a worker gets to end its trial by itself after Ctrl-C


class NoObjective(UserError):
    """What the task function returns has no such value, in this trial and in every other."""


class TimeLimit(BaseException):
    """The trial took longer than hydra.sweeper.timeout; no library takes it for a fault of its own."""


@dataclass(frozen=True)
class Task:
    """Takes the place of the task function in Hydra's launcher, also in other processes.

    It returns nothing, for it writes the trial's end into the study. Exceptions end the trial and go no
    further, but for Ctrl-C.
    """

    function: Callable[[DictConfig], Any]
    address: str
    study: str
    options: StudyOptions

    def __call__(self, config: DictConfig) -> None:
        from hydra.core.hydra_config import HydraConfig

        number = config.trial.number
        study = open_study(self.address, self.study, self.options)
        told, me = study.trials[number], this_process()
        if not _is_ours(study, told, me):
            return
        folder = Path(HydraConfig.get().runtime.output_dir)
        owner = told.user_attrs["owner"]
        start = time.monotonic()
        alone: AbstractContextManager[object] = nullcontext()
        if owner != me:
            _end_with(tuple(owner.items()))
            _interrupted_by_signals()
            mark(study, number, worker=me)
            alone = Heartbeat(lambda: beat(study, number))
        with alone, output_to(folder / "output.txt"):
            try:
                values = self._values(config, study, number)
            except (KeyboardInterrupt, GeneratorExit):
                interrupt(self)
                if _QUEUE not in os.environ:
                    raise  # a queue is told that the job is done, for the sweep goes on with the trial
            except Pruned as pruned:
                mark(study, number, seconds=time.monotonic() - start, ended=str(pruned))
                tell(study, number, TrialState.PRUNED)
            except BaseException as error:
                (folder / "error.txt").write_text(traceback.format_exc())
                why = {"mistake": True} if is_mistake(error) else {}
                why |= {"concerns_all": True} if isinstance(error, NoObjective) else {}
                mark(study, number, seconds=time.monotonic() - start, **why)
                fail(study, number, "failed", said(error))
            else:
                mark(study, number, seconds=time.monotonic() - start)
                tell(study, number, TrialState.COMPLETE, values)
            finally:
                set_running(None)
        gc.collect()  # what this trial held must not stand in the next one's way
        _freeze_libraries()

    def _values(self, config: DictConfig, study: Any, number: int) -> list[float]:
        import optuna

        storage = open_storage(self.address)
        trial_id = storage.get_trial_id_from_study_id_trial_number(study._study_id, number)
        objectives = self.options.objectives
        set_running(Running(optuna.Trial(study, trial_id), objectives[0] if len(objectives) == 1 else None))
        with time_limit(self.options.timeout):
            returned = self.function(config)
        return chosen(returned, objectives)


def _is_ours(study: Any, trial: FrozenTrial, me: Mapping[str, Any]) -> bool:
    """False where a queue, or Ray, runs a trial once more: the sweep resumes it as a trial of its own."""
    if trial.state == TrialState.RUNNING and trial.user_attrs.get("worker", me) != me:
        fail(study, trial.number, "lost", f"its process is gone ({process_of(trial)})")
        return False
    return trial.state == TrialState.RUNNING


def _interrupted_by_signals() -> None:
    """Takes over the signals at which Ray would exit, and submitit begin the job again or do nothing."""
    stop_on_sigterm()
    if _QUEUE in os.environ:
        signal.signal(signal.SIGUSR2, interrupt_process)


@lru_cache(maxsize=1)
def _freeze_libraries() -> None:
    """Takes what is loaded by now out of the collector's sight, which costs half a second a trial."""
    gc.freeze()


def chosen(returned: Any, objectives: Sequence[str]) -> list[float]:
    """The objectives' values out of what the task function returned: a number, a tuple, or metrics by name.

    Raises:
        UserError: they are not in it, or not numbers.
    """
    if isinstance(returned, Mapping):
        missing = [name for name in objectives if name not in returned]
        if missing:
            raise NoObjective(
                f"hydra.sweeper.objective: the trial returned no {', '.join(missing)}; "
                f"it has {', '.join(returned)}"
            )
        values = [returned[name] for name in objectives]
    else:
        values = list(returned) if isinstance(returned, tuple | list) else [returned]
    if len(values) != len(objectives):
        raise NoObjective(f"the trial returned {len(values)} values for {len(objectives)} objectives")
    for name, value in zip(objectives, values, strict=True):
        try:
            number = float(value)
        except (TypeError, ValueError):
            raise UserError(f"the trial returned {value!r} for {name}, which is no number") from None
        if math.isnan(number):
            raise UserError(f"{name} is NaN")
    return [float(value) for value in values]


def said(error: BaseException) -> str:
    """The error in one line."""
    text = " ".join(str(error).split())[:500]
    return (
        text
        if isinstance(error, UserError) and text
        else f"{type(error).__name__}: {text}".removesuffix(": ")
    )


def is_mistake(error: BaseException) -> bool:
    """Whether the error comes again at each try: one that a check of ours raised.

    Where another error stands behind it, as a full disk or a store that is away, it may have passed by then.
    """
    return isinstance(error, UserError) and error.__cause__ is None


def mine(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """The running trials that this process has claimed, or runs for another."""
    me = this_process()
    return [trial for trial in trials if trial.state == TrialState.RUNNING and me in processes(trial)]


def interrupt(task: Task) -> Any:
    """Ends this process's trials. The study, opened anew: the signal may have met it in the middle."""
    open_storage.cache_clear()
    study = open_study(task.address, task.study, task.options)
    _end_workers(study)
    for trial in mine(study.get_trials(deepcopy=False)):
        fail(study, trial.number, "interrupted", "interrupted")
    return study


def _end_workers(study: Any) -> None:
    """Waits for the workers of our trials, which Ctrl-C may have met too, and ends those that work on."""

    def working() -> list[dict[str, Any]]:
        trials = mine(study.get_trials(deepcopy=False))
        workers = [t.user_attrs["worker"] for t in trials if "worker" in t.user_attrs]
        return [worker for worker in workers if worker != this_process() and is_alive(worker)]

    for seconds, further in ((1.0, signal.SIGTERM), (_TO_END, signal.SIGKILL)):
        end = time.monotonic() + seconds
        while working() and time.monotonic() < end:
            time.sleep(0.1)
        for worker in working():
            with suppress(ProcessLookupError):
                os.kill(worker["pid"], further)


@lru_cache(maxsize=1)
def _end_with(owner: tuple[tuple[str, Any], ...]) -> None:
    """Ends this worker with the process that the trial belongs to."""
    end_with_parent()
    if is_alive(dict(owner)) is False:  # it had gone before we looked
        os._exit(1)


@contextmanager
def time_limit(seconds: float | None) -> Iterator[None]:
    """Raises TimeLimit in the block after so long, between two steps of Python: a long call ends first."""
    if seconds is None or threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(signum: int, frame: Any) -> None:
        raise TimeLimit(f"longer than hydra.sweeper.timeout={seconds:g} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


class _Switch(io.TextIOBase):
    """Stands in for stdout or stderr for the rest of the process.

    Libraries that keep the stream they found at import, as logging does, must not keep the file of one trial.
    """

    def __init__(self, target: Any) -> None:
        self.target = target

    def write(self, text: str) -> int:
        self.target.write(text)  # Ray's streams do not say how much they took
        return len(text)

    def flush(self) -> None:
        self.target.flush()

    def isatty(self) -> bool:
        return bool(self.target.isatty())

    def fileno(self) -> int:
        return int(self.target.fileno())

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return str(self.target.encoding)


@contextmanager
def output_to(path: Path) -> Iterator[None]:
    """Sends what the block prints to a file."""
    for name in ("stdout", "stderr"):
        if not isinstance(getattr(sys, name), _Switch):
            setattr(sys, name, _Switch(getattr(sys, name)))
    switches: list[Any] = [sys.stdout, sys.stderr]
    targets = [switch.target for switch in switches]
    with path.open("a", buffering=1, encoding="utf-8") as file:
        for switch in switches:
            switch.target = file
        try:
            yield
        finally:
            for switch, target in zip(switches, targets, strict=True):
                switch.target = target


def threads_per_trial(at_once: int) -> None:
    """Shares the cores among the processes that a launcher starts from here."""
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(variable, str(max(1, cores() // at_once)))
