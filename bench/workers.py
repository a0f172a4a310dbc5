"""Empty trials a second: what a sweep's bookkeeping alone lets through.

    python bench/workers.py                                  a journal and sqlite, in a folder of their own
    python bench/workers.py postgresql+psycopg://USER@HOST/DATABASE grpc://HOST:PORT

Each worker is a process. It claims a point, reports three values and ends the trial, as a trial of a sweep
does, until the study has TRIALS. Neither Hydra nor a task function is in it. The time is from the moment at
which all workers have the study open to the end of the last trial. Studies stay in a database that is named.
"""

import multiprocessing
import resource
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

WORKERS = (1, 2, 4, 8)
TRIALS = 160  # of a study
REPORTS = 3  # of a trial


def main(addresses: list[str]) -> None:
    print("storage workers trials/s CPU-s/trial(workers)")
    with tempfile.TemporaryDirectory() as folder:
        own = [f"{folder}/study.journal", f"sqlite:///{folder}/study.db"]
        for address in addresses or own:
            for workers in WORKERS:
                rate, cpu = _measured(address, workers)
                print(f"{_kind(address)} {workers} {rate:.1f} {cpu:.3f}", flush=True)


def _kind(address: str) -> str:
    return address.split(":")[0] if "://" in address else "journal"


def _measured(address: str, workers: int) -> tuple[float, float]:
    """Trials a second, and seconds of CPU that the workers took for one.

    Raises:
        RuntimeError: not every point was run exactly once.
    """
    import optuna

    from deepsquat.study.storage import open_storage

    name = f"bench-{uuid.uuid4().hex[:8]}"
    study = optuna.create_study(storage=open_storage(address), study_name=name)
    context = multiprocessing.get_context("spawn")
    begin, results = context.Barrier(workers + 1), context.Queue()
    processes = [context.Process(target=_work, args=(address, name, begin, results)) for _ in range(workers)]
    for process in processes:
        process.start()
    begin.wait()
    start = time.monotonic()
    cpu = sum(results.get() for _ in processes)
    seconds = time.monotonic() - start
    for process in processes:
        process.join()
    done = [t.user_attrs["point"] for t in study.get_trials() if t.state.name == "COMPLETE"]
    if sorted(done) != list(range(TRIALS)):
        raise RuntimeError(f"{len(done)} trials of {len(set(done))} points, not {TRIALS} of each one")
    return TRIALS / seconds, cpu / TRIALS


def _work(address: str, name: str, begin: Any, results: Any) -> None:
    from optuna.trial import TrialState

    from deepsquat.study.options import StudyOptions
    from deepsquat.study.points import Points, mark, open_study, tell
    from deepsquat.study.space import Space

    options = StudyOptions(study=name, sampler="random", n_trials=TRIALS)
    study = open_study(address, name, options)
    points = Points(study, Space((), ()), options, "")
    begin.wait()
    before = _cpu()
    while (trial := points.claim()) is not None:
        for step in range(REPORTS):
            trial.report(0.5, step)
        mark(study, trial.number, seconds=0.0)
        tell(study, trial.number, TrialState.COMPLETE, [0.5])
    results.put(_cpu() - before)


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))
    main(sys.argv[1:])
