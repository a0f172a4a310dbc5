"""The points of a study, which process runs them, and how a process gets one."""

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState

from deepsquat.study.options import StudyOptions, make_pruner, make_sampler
from deepsquat.study.ownership import INTERVAL, Heartbeats, is_alive, this_process
from deepsquat.study.space import Params, Space
from deepsquat.study.storage import open_storage

ENDED_WELL = (TrialState.COMPLETE, TrialState.PRUNED)
_LATEST = 6.0  # 64 points to choose from
RESUMED = ("interrupted", "lost")  # these go on from their checkpoints


@dataclass(frozen=True)
class Point:
    """trials: the attempts at it, oldest first, without withdrawn ones."""

    index: int
    trials: tuple[FrozenTrial, ...]

    @property
    def done(self) -> bool:
        return any(trial.state in ENDED_WELL for trial in self.trials)

    @property
    def running(self) -> bool:
        return any(trial.state == TrialState.RUNNING for trial in self.trials)

    @property
    def failed(self) -> bool:
        """Its last attempt failed by itself."""
        return not self.done and bool(self.trials) and how(self.trials[-1]) == "failed"

    @property
    def earlier(self) -> list[int]:
        """The attempts that the next one can go on from, newest first."""
        found: list[int] = []
        for trial in reversed(self.trials):
            if how(trial) not in RESUMED:
                break
            found.append(trial.number)
        return found

    @property
    def tries(self) -> int:
        """The tries that are used up by failures; a mistake in a value, which comes again, uses them all."""
        failed = [trial for trial in self.trials if how(trial) == "failed"]
        return sum(StudyOptions.max_retries + 1 if t.user_attrs.get("mistake") else 1 for t in failed)

    def tries_left(self, max_retries: int) -> int:
        return max(0, max_retries + 1 - self.tries)


def how(trial: FrozenTrial) -> str:
    """How a FAIL came about; empty for any other trial."""
    return trial.user_attrs.get("ended", "failed") if trial.state == TrialState.FAIL else ""


class Points:
    """A study seen as points. version: of the code, kept with each trial. first: points before the draws."""

    def __init__(
        self,
        study: optuna.Study,
        space: Space,
        options: StudyOptions,
        version: str,
        first: Sequence[Params] = (),
    ) -> None:
        self.first = first
        self.study, self.space, self.options, self.version = study, space, options, version
        self.grid = space.grid() if options.sampler == "grid" else None
        wanted = options.n_trials or (len(self.grid) if self.grid else 0)
        self.count = min(wanted, len(self.grid)) if self.grid else wanted
        self.owner = this_process()
        self.heartbeats = Heartbeats()
        self.late = 0.0  # how often, of late, others had claimed a point before us
        self.may_retry: set[int] = set()  # points that had failed when this process began

    def trials(self) -> list[FrozenTrial]:
        return self.study.get_trials(deepcopy=False)

    def all(self, trials: Sequence[FrozenTrial] | None = None) -> list[Point]:
        """Points 0 to count - 1; trials that somebody else put into the study belong to none."""
        attempts: dict[int, list[FrozenTrial]] = {index: [] for index in range(self.count)}
        since = self.study.user_attrs.get("since", 0)  # trials before were made with other values
        for trial in self.trials() if trials is None else trials:
            index = trial.user_attrs.get("point")
            if index in attempts and trial.number >= since and how(trial) != "withdrawn":
                attempts[index].append(trial)
        return [Point(index, tuple(found)) for index, found in attempts.items()]

    def begin(self) -> None:
        """Lets the points that failed before now be tried once more."""
        most = self.options.max_retries
        self.may_retry = {p.index for p in self.all() if p.failed and p.tries_left(most)}

    def claim(self) -> optuna.Trial | None:
        """A trial of the first free point, RUNNING and ours, with its values; None where none is free.

        A process that came late takes one further down the list, else many would meet again at every point.
        """
        while True:
            seen = self.trials()
            free = self.free(seen)
            if not free:
                return None
            point = random.choice(free[: 2 ** round(self.late)])
            trial = self._create(point)
            # Whoever claimed the point since we looked was first, for numbers are given in order.
            rivals = [
                rival
                for rival in self.trials()[len(seen) : trial.number]
                if rival.user_attrs.get("point") == point.index
            ]
            # A database that lost the answer has made our trial twice; the first kept the others away.
            if rivals and rivals[0].user_attrs["owner"] == self.owner:
                for twin in rivals:
                    if twin.user_attrs["owner"] == self.owner:
                        fail(self.study, twin.number, "withdrawn", "made twice by its own process")
                rivals = []
            if not rivals:
                self.may_retry.discard(point.index)
                self.late = max(0.0, self.late - 0.25)
                self.study.sampler = make_sampler(self.options, point.index)
                for axis in self.space.axes:
                    if axis.is_there(trial.params):
                        axis.suggest(trial)
                return trial
            fail(self.study, trial.number, "withdrawn", "another process runs this point")
            self.late = min(_LATEST, self.late + 1.0)

    def free(self, trials: Sequence[FrozenTrial] | None = None) -> list[Point]:
        """The points that no process runs and that are to be run."""
        return [point for point in self.all(trials) if self.is_free(point)]

    def is_free(self, point: Point) -> bool:
        """Whether a point is to be run and no process runs it."""
        again = point.index in self.may_retry and point.tries_left(self.options.max_retries) > 0
        return not (point.done or point.running) and (not point.failed or again)

    def known(self, point: Point) -> Params:
        """The values of a point where they are known before its sampler draws; else empty."""
        if point.trials and point.trials[-1].params and self.space.is_whole(point.trials[-1].params):
            return dict(point.trials[-1].params)
        if self.grid:
            return self.grid[point.index]
        return self.first[point.index] if point.index < len(self.first) else {}

    def _create(self, point: Point) -> optuna.Trial:
        params = self.known(point)
        last = point.trials[-1] if point.trials else None
        earlier = point.earlier
        attributes = {"point": point.index, "owner": self.owner, "earlier": earlier, "version": self.version}
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

    def fail_lost(self) -> list[int]:
        """Fails the running trials whose processes have ended without a word; their numbers."""
        lost = []
        for trial in self.trials():
            if trial.state != TrialState.RUNNING or "point" not in trial.user_attrs:
                continue
            lives = [is_alive(process) for process in processes(trial)]
            heartbeat = trial.user_attrs.get("heartbeat")
            if True in lives or (None in lives and not self.heartbeats.is_stale(trial.number, heartbeat)):
                continue
            owner = trial.user_attrs["owner"]
            where = f"{owner['machine'].split()[0]}, process {owner['pid']}"
            if fail(self.study, trial.number, "lost", f"its process is gone ({where})"):
                lost.append(trial.number)
        return lost


def living(study: optuna.Study, seconds: float = 2.5 * INTERVAL) -> list[FrozenTrial]:
    """Running trials, the processes of which live. Other machines show it by a heartbeat within `seconds`."""
    running = [t for t in study.get_trials(deepcopy=False) if t.state == TrialState.RUNNING]
    lives = {t.number: [is_alive(process) for process in processes(t)] for t in running}
    found = [trial for trial in running if True in lives[trial.number]]
    unknown = [trial for trial in running if None in lives[trial.number]]
    end = time.monotonic() + seconds
    while unknown and not found and time.monotonic() < end:
        time.sleep(0.5)
        now = study.get_trials(deepcopy=False)
        found = [
            t for t in unknown if now[t.number].user_attrs.get("heartbeat") != t.user_attrs.get("heartbeat")
        ]
    return found


def process_of(trial: FrozenTrial) -> str:
    """Where a trial runs, in words."""
    process = processes(trial)[-1]
    return f"{process['machine'].split()[0]}, process {process['pid']}"


def processes(trial: FrozenTrial) -> list[dict[str, Any]]:
    """The process that claimed a trial, and the one that runs it where that is another."""
    return [trial.user_attrs[key] for key in ("owner", "worker") if key in trial.user_attrs]


def open_study(address: str, name: str, options: StudyOptions) -> optuna.Study:
    """The study as the process of a trial needs it, to report and to end the trial."""
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


def beat(study: optuna.Study, number: int) -> None:
    """A trial's heartbeat, for processes on other machines."""
    mark(study, number, heartbeat=time.time())
