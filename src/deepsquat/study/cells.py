"""The cells of a study, who has them, and how a process gets one."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState

from deepsquat.study.options import StudyOptions, make_pruner, make_sampler
from deepsquat.study.ownership import Leases, is_alive, this_process
from deepsquat.study.space import Space
from deepsquat.study.storage import open_storage

_ENDED = (TrialState.COMPLETE, TrialState.PRUNED)
_TAKEN_UP = ("interrupted", "lost")  # these go on from their checkpoints


@dataclass(frozen=True)
class Cell:
    """trials: the attempts at it, oldest first, without withdrawn ones."""

    index: int
    trials: tuple[FrozenTrial, ...]

    @property
    def done(self) -> bool:
        return any(trial.state in _ENDED for trial in self.trials)

    @property
    def running(self) -> bool:
        return any(trial.state == TrialState.RUNNING for trial in self.trials)

    @property
    def failures(self) -> int:
        return sum(_how(trial) == "failed" for trial in self.trials)

    @property
    def failed(self) -> bool:
        """Its last attempt failed by itself."""
        return not self.done and bool(self.trials) and _how(self.trials[-1]) == "failed"

    @property
    def earlier(self) -> list[int]:
        """The attempts that the next one can go on from, newest first."""
        found: list[int] = []
        for trial in reversed(self.trials):
            if _how(trial) not in _TAKEN_UP:
                break
            found.append(trial.number)
        return found


def _how(trial: FrozenTrial) -> str:
    """How a FAIL came about; empty for any other trial."""
    return trial.user_attrs.get("ended", "failed") if trial.state == TrialState.FAIL else ""


class Ledger:
    """A study seen as cells. version: of the code, kept with each trial."""

    def __init__(self, study: optuna.Study, space: Space, options: StudyOptions, version: str) -> None:
        self.study, self.space, self.options, self.version = study, space, options, version
        self.grid = space.grid() if options.sampler == "grid" else None
        wanted = options.n_trials or (len(self.grid) if self.grid else 0)
        self.count = min(wanted, len(self.grid)) if self.grid else wanted
        self.owner = this_process()
        self.leases = Leases()
        self.may_retry: set[int] = set()  # cells that had failed when this process began

    def trials(self) -> list[FrozenTrial]:
        return self.study.get_trials(deepcopy=False)

    def cells(self, trials: Sequence[FrozenTrial] | None = None) -> list[Cell]:
        """Cells 0 to count - 1; trials that somebody else put into the study belong to none."""
        attempts: dict[int, list[FrozenTrial]] = {index: [] for index in range(self.count)}
        for trial in self.trials() if trials is None else trials:
            index = trial.user_attrs.get("cell")
            if index in attempts and _how(trial) != "withdrawn":
                attempts[index].append(trial)
        return [Cell(index, tuple(found)) for index, found in attempts.items()]

    def begin(self) -> None:
        """Lets the cells that failed before now be tried once more."""
        self.may_retry = {
            c.index for c in self.cells() if c.failed and c.failures <= self.options.max_retries
        }

    def claim(self) -> optuna.Trial | None:
        """A trial of the first free cell, RUNNING and ours, with its values; None where none is free."""
        while True:
            seen = self.trials()
            cell = self.free(seen)
            if cell is None:
                return None
            trial = self._create(cell)
            # Whoever claimed the cell since we looked was first, for numbers are given in order.
            rivals = self.trials()[len(seen) : trial.number]
            if not any(rival.user_attrs.get("cell") == cell.index for rival in rivals):
                self.may_retry.discard(cell.index)
                self.study.sampler = make_sampler(self.options, cell.index)
                for axis in self.space.axes:
                    axis.suggest(trial)
                return trial
            self.fail(trial.number, "withdrawn", "another process has this cell")

    def free(self, trials: Sequence[FrozenTrial] | None = None) -> Cell | None:
        """The first cell that nobody runs and that is to be run."""
        for cell in self.cells(trials):
            if not (cell.done or cell.running) and (not cell.failed or cell.index in self.may_retry):
                return cell
        return None

    def _create(self, cell: Cell) -> optuna.Trial:
        params = self.grid[cell.index] if self.grid else {}
        last = cell.trials[-1] if cell.trials else None
        earlier = cell.earlier
        if last is not None and len(last.params) == len(self.space.axes):
            params = last.params
        attributes = {"cell": cell.index, "owner": self.owner, "earlier": earlier, "version": self.version}
        distributions = self.space.distributions()
        trial_id = self.study._storage.create_new_trial(
            self.study._study_id,
            optuna.trial.create_trial(
                state=TrialState.RUNNING,
                params=dict(params),
                distributions={name: distributions[name] for name in params},
                user_attrs=attributes,
                intermediate_values=last.intermediate_values if last is not None and earlier else None,
            ),
        )
        return optuna.Trial(self.study, trial_id)

    def running(self) -> list[FrozenTrial]:
        return [
            t for t in self.trials() if t.state == TrialState.RUNNING and t.user_attrs.get("cell") is not None
        ]

    def bury(self) -> list[int]:
        """Ends the trials whose processes have died; their numbers."""
        buried = []
        for trial in self.running():
            owners = [trial.user_attrs[key] for key in ("owner", "worker") if key in trial.user_attrs]
            lives = [is_alive(owner) for owner in owners]
            if True in lives or (
                None in lives and not self.leases.expired(trial.number, trial.user_attrs.get("lease"))
            ):
                continue
            where = f"{owners[0]['machine'].split()[0]}, process {owners[0]['pid']}"
            if self.fail(trial.number, "lost", f"its process is gone ({where})"):
                buried.append(trial.number)
        return buried

    def fail(self, number: int, ended: str, error: str) -> bool:
        return fail(self.study, number, ended, error)


def open_study(address: str, name: str, options: StudyOptions) -> optuna.Study:
    """The study as a job's process needs it, to report and to end its trial."""
    return optuna.load_study(
        study_name=name,
        storage=open_storage(address),
        sampler=optuna.samplers.RandomSampler(),  # never asked
        pruner=make_pruner(options),
    )


def fail(study: optuna.Study, number: int, ended: str, error: str) -> bool:
    """Ends a trial as FAIL; False where it had ended before, for whatever reason."""
    return mark(study, number, ended=ended, error=error) and tell(study, number, TrialState.FAIL)


def tell(study: optuna.Study, number: int, state: TrialState, values: Sequence[float] | None = None) -> bool:
    """Ends a trial; False where another process has ended it in the meantime."""
    try:
        study.tell(number, values, state=state)
    except UpdateFinishedTrialError:
        return False
    except ValueError as error:
        if "Cannot tell a" in str(error):
            return False
        raise
    return True


def mark(study: optuna.Study, number: int, **attributes: Any) -> bool:
    """Writes user attributes of a trial; False where it has ended."""
    storage = study._storage
    trial_id = storage.get_trial_id_from_study_id_trial_number(study._study_id, number)
    try:
        for key, value in attributes.items():
            storage.set_trial_user_attr(trial_id, key, value)
    except UpdateFinishedTrialError:
        return False
    return True


def sign_of_life(study: optuna.Study, number: int) -> None:
    mark(study, number, lease=time.time())
