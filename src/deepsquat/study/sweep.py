"""The sweep itself: claim, launch, tell what became of it, until no cell is left."""

import json
import re
import signal
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import optuna
from optuna.trial import TrialState

from deepsquat.errors import UserError
from deepsquat.overrides import hydra_text
from deepsquat.processes import interrupt as interrupt_signal
from deepsquat.study.cells import Ledger, sign_of_life
from deepsquat.study.hooks import Hooks
from deepsquat.study.options import StudyOptions, make_pruner
from deepsquat.study.ownership import Heartbeat
from deepsquat.study.progress import Teller
from deepsquat.study.space import Space
from deepsquat.study.storage import open_storage
from deepsquat.study.task import Task, interrupt

# Runs jobs, given one list of overrides and one number each, and waits for all of them.
Launch = Callable[[Sequence[Sequence[str]], Sequence[int]], None]


def sweep(
    options: StudyOptions,
    address: str,
    folder: str,
    space: Space,
    identity: Mapping[str, Any],
    hooks: Hooks,
    task: Task,
    launch: Launch,
    jobs: int,
) -> int:
    """Runs what is missing in a study; the number of cells that are not done.

    Raises:
        UserError: the study was started with other values.
        KeyboardInterrupt: as it came; the running trials are ended and can be taken up.
    """
    study = _opened(options, address, {**identity, **hooks.identity()})
    ledger = Ledger(study, space, options, hooks.version())
    _say_version(ledger)
    ledger.begin()
    say = Teller(ledger, folder)
    mine: list[int] = []

    def beat() -> None:
        say.bar.refresh()
        for number in tuple(mine):
            sign_of_life(study, number)

    before = signal.signal(signal.SIGTERM, interrupt_signal)
    try:
        more = hooks.on_start(study)
        with say, Heartbeat(beat):
            _run(ledger, task, launch, jobs, mine, say, hooks, more)
    except KeyboardInterrupt:
        interrupt(task, mine)
        hooks.on_end(study, finished=False)
        print("Interrupted. The same command goes on from here.", flush=True)
        raise
    finally:
        signal.signal(signal.SIGTERM, before)
    hooks.on_end(study, finished=True)
    return say.end()


def _run(
    ledger: Ledger,
    task: Task,
    launch: Launch,
    jobs: int,
    mine: list[int],
    say: Teller,
    hooks: Hooks,
    more: Mapping[str, Any],
) -> None:
    errors: list[str | None] = []  # of the first trials of this start
    while True:
        for number in ledger.bury():
            say.line(f"trial {number}: its process is gone; taken up")
        batch: list[optuna.Trial] = []
        while len(batch) < jobs and (trial := ledger.claim()) is not None:
            batch.append(trial)
            mine.append(trial.number)
        if not batch:
            if not say.waits():
                return
            time.sleep(1)
            continue
        _launched(ledger, batch, launch, more)
        trials = ledger.trials()
        for trial in batch:
            ended = trials[trial.number]
            mine.remove(trial.number)
            say.trial(ended)
            hooks.on_trial_end(ledger.study, ended)
            errors.append(ended.user_attrs.get("error") if ended.state == TrialState.FAIL else None)
        first = {_alike(error) for error in errors[:3] if error}
        if len(errors) >= 3 and all(errors[:3]) and len(first) == 1 and ledger.free():
            say.line(f"Stopped: the first three trials failed in the same way: {errors[0]}")
            return


def _launched(ledger: Ledger, batch: Sequence[optuna.Trial], launch: Launch, more: Mapping[str, Any]) -> None:
    """Runs the trials of a batch; each has ended afterwards, whatever happened to its process."""
    problem = "the job's process died"
    overrides = []
    for trial in batch:
        told = {
            "number": trial.number,
            "study": ledger.study.study_name,
            "cell": trial.user_attrs["cell"],
            "earlier": trial.user_attrs["earlier"],
            **more,
        }
        overrides.append([*ledger.space.overrides(trial.params), f"++trial={hydra_text(told)}"])
    try:
        launch(overrides, [trial.number for trial in batch])
    except Exception as error:
        problem = f"{type(error).__name__}: {' '.join(str(error).split())[:500]}"
    for trial in batch:
        if ledger.trials()[trial.number].state == TrialState.RUNNING:
            ledger.fail(trial.number, "failed", problem)


def _alike(error: str) -> str:
    """The error without what differs from trial to trial."""
    return re.sub(r"\d+", "#", error)


def _opened(options: StudyOptions, address: str, identity: dict[str, Any]) -> optuna.Study:
    """The study, new or old.

    Raises:
        UserError: it was started with another identity, and some trial of it has ended well.
    """
    now = json.loads(json.dumps(identity, default=str))
    study = optuna.create_study(
        storage=open_storage(address),
        study_name=options.study,
        directions=list(options.directions),  # type: ignore[arg-type]
        pruner=make_pruner(options),
        load_if_exists=True,
    )
    before = study.user_attrs.get("identity")
    kept = any(t.state in (TrialState.COMPLETE, TrialState.PRUNED) for t in study.get_trials(deepcopy=False))
    if before is None and kept:
        raise UserError(
            f"{address} holds a study {options.study} that this sweeper did not make; name another"
        )
    if before is not None and before != now and kept:
        changes = [
            f"{key} was {_short(before.get(key))}, is {_short(now.get(key))}"
            for key in sorted({*before, *now})
            if before.get(key) != now.get(key)
        ]
        more = f" and {len(changes) - 4} more" if len(changes) > 4 else ""
        raise UserError(
            f"the study {options.study} was started with other values: {'; '.join(changes[:4])}{more}. "
            "Put them back, or start another study with hydra.sweeper.study=NAME"
        )
    if options.objective is not None and study.metric_names is None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            study.set_metric_names(list(options.objectives))
    if before != now:
        study.set_user_attr("identity", now)
    return study


def _short(value: Any) -> str:
    return "not there" if value is None else str(value)[:80]


def _say_version(ledger: Ledger) -> None:
    versions = [t.user_attrs.get("version", "") for t in ledger.trials() if "cell" in t.user_attrs]
    if versions and versions[-1] != ledger.version:
        before = f"since trial {len(versions) - 1}: {versions[-1]}"
        print(f"Note: the code has changed {before}, now {ledger.version}.")
