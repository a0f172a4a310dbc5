"""The job of a trial, wrapped: told what it is, its output in its folder, its end written into the study."""

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
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from omegaconf import DictConfig
from optuna.trial import TrialState

from deepsquat.errors import UserError
from deepsquat.processes import cores
from deepsquat.study.cells import fail, mark, open_study, sign_of_life, tell
from deepsquat.study.options import StudyOptions
from deepsquat.study.ownership import Heartbeat, this_process
from deepsquat.study.running import Pruned, Running, set_running
from deepsquat.study.storage import open_storage


class TimeLimit(Exception):
    """The trial took longer than hydra.sweeper.timeout."""


@dataclass(frozen=True)
class Task:
    """Stands for the job in Hydra's launcher, also in other processes.

    It returns nothing, for it writes the trial's end into the study. Exceptions of the job end its trial and
    go no further, but for Ctrl-C.
    """

    job: Callable[[DictConfig], Any]
    address: str
    study: str
    options: StudyOptions

    def __call__(self, config: DictConfig) -> None:
        from hydra.core.hydra_config import HydraConfig

        number = config.trial.number
        folder = Path(HydraConfig.get().runtime.output_dir)
        study = open_study(self.address, self.study, self.options)
        me = this_process()
        start = time.monotonic()
        alone = nullcontext()
        if study.trials[number].user_attrs["owner"] != me:
            mark(study, number, worker=me)
            alone = Heartbeat(lambda: sign_of_life(study, number))  # type: ignore[assignment]
        with alone, output_to(folder / "output.txt"):
            try:
                values = self._values(config, study, number)
            except (KeyboardInterrupt, GeneratorExit):
                interrupt(self, [number])
                raise
            except Pruned as pruned:
                mark(study, number, seconds=time.monotonic() - start, ended=str(pruned))
                tell(study, number, TrialState.PRUNED)
            except BaseException as error:
                (folder / "error.txt").write_text(traceback.format_exc())
                mark(study, number, seconds=time.monotonic() - start)
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
            returned = self.job(config)
        return chosen(returned, objectives)


@lru_cache(maxsize=1)
def _freeze_libraries() -> None:
    """Takes what is loaded by now out of the collector's sight, which costs half a second a trial."""
    gc.freeze()


def chosen(returned: Any, objectives: Sequence[str]) -> list[float]:
    """The objectives' values out of what a job returned: a number, a tuple, or metrics by name.

    Raises:
        UserError: they are not in it, or not numbers.
    """
    if isinstance(returned, Mapping):
        missing = [name for name in objectives if name not in returned]
        if missing:
            raise UserError(
                f"hydra.sweeper.objective: the job returned no {', '.join(missing)}; "
                f"it has {', '.join(returned)}"
            )
        values = [returned[name] for name in objectives]
    else:
        values = list(returned) if isinstance(returned, tuple | list) else [returned]
    if len(values) != len(objectives):
        raise UserError(f"the job returned {len(values)} values for {len(objectives)} objectives")
    for name, value in zip(objectives, values, strict=True):
        try:
            number = float(value)
        except (TypeError, ValueError):
            raise UserError(f"the job returned {value!r} for {name}, which is no number") from None
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


def interrupt(task: Task, numbers: Sequence[int]) -> None:
    """Ends trials that Ctrl-C met. The storage is opened anew: the signal may have met it in the middle."""
    open_storage.cache_clear()
    study = open_study(task.address, task.study, task.options)
    for number in numbers:
        fail(study, number, "interrupted", "interrupted")


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
        return int(self.target.write(text))

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


def threads_per_job(jobs: int) -> None:
    """Shares the cores among the processes that a launcher starts from here."""
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(variable, str(max(1, cores() // jobs)))
