"""What a trial of a sweep costs beyond its training.

Counted is the time from one trial's end to the next one's, as Optuna's study has them, less `fit_seconds`,
the time in Lightning's `trainer.fit`, as the trial's run in MLflow has it. So all else is in it: Optuna's
claim of the next trial, Hydra's composing, split, network and trainer made; MLflow's run with params, tags,
data set and files; the test; predictions, checkpoints copied to the run; the verdict in the study. What
stands inside `fit` is training: an epoch's metrics and checkpoints. The first trial of a sweep does not
count: the process loads its libraries and images there.

Ours is with the study in a journal. Kept beside it are where those seconds go, and the same whole with the
study in sqlite, and in PostgreSQL where DEEPSQUAT_BENCH_POSTGRESQL names a database.
"""

import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from bench.home import Home
from bench.row import Row, Sides

TRIALS = 5  # of a sweep, the first one included
POSTGRESQL = "DEEPSQUAT_BENCH_POSTGRESQL"
PARTS = (  # of what a trial costs, in order
    "from a trial's end to the next one's claim",
    "from there to its run in MLflow",
    "the run without its training",
    "from its end to the trial's",
)


@contextmanager
def _ready(home: Home) -> Iterator[Sides]:
    tiny = [
        *home.prepared(),
        "split=by_squat",
        "split.val=0.25",
        "split.test=0.25",
        "skeleton.height=48",
        "skeleton.width=27",
        "model.blocks=1",
        "optim.batch_size=8",
        "trainer=cpu",
        "trainer.max_epochs=2",
    ]
    sweeps: list[str] = []  # their names
    parts: list[list[float]] = []  # of the last sweep in a journal

    def beyond(storage: str | None = None) -> list[list[float]]:
        name = f"bench-{len(sweeps)}-{os.getpid()}"  # a database may have those of earlier times
        sweeps.append(name)
        words = ["sweep=seeds", f"seed=range({TRIALS})", f"hydra.sweeper.study={name}"]
        words += [f"hydra.sweeper.storage={storage}"] if storage else []
        home.run("src/train.py", "-m", *words, *tiny)
        return _beyond(home, name, storage or str(home.folder / "multirun" / name / "study.journal"))

    def ours() -> float:
        parts[:] = beyond()
        return _whole(parts)

    def reference() -> float:
        store = _Bare(home.folder / "bare" / sweeps[-1])
        record = _recorded(home, sweeps[-1])
        return median([store.seconds(record) for _ in range(TRIALS)][1:])

    def part(number: int) -> Callable[[], float]:
        return lambda: median(trial[number] for trial in parts)

    also = {f"of ours, {what}": part(number) for number, what in enumerate(PARTS)}
    also["with the study in sqlite"] = lambda: _whole(beyond(f"sqlite:///{home.folder}/studies.db"))
    if address := os.environ.get(POSTGRESQL):
        also["with the study in PostgreSQL"] = lambda: _whole(beyond(address))
    yield Sides(ours, reference, also)


def _whole(trials: list[list[float]]) -> float:
    return median(sum(parts) for parts in trials)


def _beyond(home: Home, name: str, storage: str) -> list[list[float]]:
    """Seconds beyond the training of each trial of a sweep but the first, in PARTS."""
    import optuna

    from deepsquat.study.storage import open_storage

    trials = optuna.load_study(study_name=name, storage=open_storage(storage)).trials
    runs = {int(run.data.tags["trial"]): run for run in _runs(home, name)}
    found = []
    for before, after in pairwise(trials):
        assert before.datetime_complete and after.datetime_start and after.datetime_complete
        run = runs[after.number]
        begin, end = run.info.start_time / 1000, run.info.end_time / 1000
        claimed, told = after.datetime_start.timestamp(), after.datetime_complete.timestamp()
        beside = end - begin - run.data.metrics["fit_seconds"]
        found.append([claimed - before.datetime_complete.timestamp(), begin - claimed, beside, told - end])
    return found


@dataclass(frozen=True)
class _Record:
    """What one trial has left in MLflow, as MLflow's client takes it."""

    params: list[Any]
    tags: list[Any]
    epochs: list[list[Any]]  # metrics by step
    files: Path


def _recorded(home: Home, name: str) -> _Record:
    from mlflow.entities import Param, RunTag

    client, run = _client(home.folder / "mlflow.db"), _runs(home, name)[0]
    epochs: dict[int, list[Any]] = {}
    for key in run.data.metrics:
        for metric in client.get_metric_history(run.info.run_id, key):
            epochs.setdefault(metric.step, []).append(metric)
    return _Record(
        [Param(key, value) for key, value in run.data.params.items()],
        [RunTag(key, value) for key, value in run.data.tags.items()],
        [epochs[step] for step in sorted(epochs)],
        Path(client.download_artifacts(run.info.run_id, "")),
    )


class _Bare:
    """A study of Optuna's and a store of MLflow's, both new, without anything of ours."""

    def __init__(self, folder: Path) -> None:
        import optuna
        from optuna.storages import JournalStorage
        from optuna.storages.journal import JournalFileBackend

        folder.mkdir(parents=True)
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        storage = JournalStorage(JournalFileBackend(str(folder / "study.journal")))
        self.study = optuna.create_study(storage=storage)
        self.client = _client(folder / "mlflow.db")
        self.experiment = self.client.create_experiment("bare", (folder / "files").as_uri())

    def seconds(self, record: _Record) -> float:
        """For a trial that leaves the record."""
        start = time.perf_counter()
        trial = self.study.ask()
        trial.suggest_int("seed", 0, TRIALS)
        run = self.client.create_run(self.experiment).info.run_id
        for first in range(0, len(record.params), 100):  # as many as MLflow takes at once
            self.client.log_batch(run, params=record.params[first : first + 100])
        self.client.log_batch(run, tags=record.tags)
        for metrics in record.epochs:
            self.client.log_batch(run, metrics=metrics)
        self.client.log_artifacts(run, str(record.files))
        self.client.set_terminated(run)
        self.study.tell(trial, 0.5)
        return time.perf_counter() - start


def _runs(home: Home, name: str) -> list[Any]:
    """A sweep's trials in MLflow."""
    client = _client(home.folder / "mlflow.db")
    experiments = [found.experiment_id for found in client.search_experiments()]
    return list(client.search_runs(experiments, f"tags.study = '{name}'"))


def _client(database: Path) -> Any:
    from mlflow.tracking import MlflowClient

    for name in ("mlflow", "alembic"):  # how a new database is built up, line by line
        logging.getLogger(name).setLevel(logging.ERROR)
    return MlflowClient(f"sqlite:///{database}")


ROWS = (
    Row(
        name="trial",
        what="a trial beyond its training",
        reference="bare Optuna and MLflow writing the same trial's params, tags, metrics and files",
        unit="s",
        ready=_ready,
        more_is_better=False,
        limit=0.25,
        warm_up=False,  # each sweep is a process of its own, whose first trial does not count
        most_repeats=2,  # each is the median of several trials
    ),
)
