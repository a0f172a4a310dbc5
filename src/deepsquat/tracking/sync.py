"""Brings offline runs into MLflow, and what MLflow did not take of its own runs."""

import os
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from deepsquat.errors import UserError
from deepsquat.locks import locked
from deepsquat.tracking import PARENT, run_folder
from deepsquat.tracking.connection import connect, failures, unusable
from deepsquat.tracking.database import Away
from deepsquat.tracking.importing import DELETED, IMPORTED, THERE, UPDATED, Draw
from deepsquat.tracking.lasting import write_back
from deepsquat.tracking.mlflow import MlflowOptions
from deepsquat.tracking.run_folder import Record

_WITHOUT_PARENT = "without parent"
_NAME_ONE = (
    "name a folder with runs of tracking=offline, or with what waits for MLflow: python src/sync.py DIR"
)


def import_runs(folder: Path, options: MlflowOptions, draw: Draw) -> None:
    """Imports every run in `folder` or anywhere below it.

    options: the store; where its experiment is "", each run goes into the one that it names.
    draw: makes the pictures that a run lacks.

    Raises:
        UserError: there is no run, the store cannot be used, or runs could not be imported: the others are.
    """
    problems: list[str] = []
    found = _furthest_of_each(_records(folder, problems))
    if not found and not problems:
        raise UserError(f"{folder}: there is no run in it or below it; {_NAME_ONE}")
    os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"  # else a server's address for every run
    connection = connect(options.uri, options.artifacts)
    counts: Counter[str] = Counter()

    with _alone(options):
        for place, record in tqdm(_parents_first(found), unit="run", disable=None, file=sys.stderr):
            try:
                store = replace(options, experiment=options.experiment or record.experiment).open_store()
                done = write_back(store.place, place, draw)
            except UserError as error:
                problems.append(f"{error}" if str(place) in str(error) else f"{place}: {error}")
            except Away:  # deleted there
                counts[DELETED] += 1
            except failures() as error:
                if not connection.answers():
                    raise unusable(options.uri, error) from error
                problems.append(f"{place}: MLflow does not take it ({str(error).splitlines()[0]})")
            else:
                counts[done.outcome] += 1
                counts[_WITHOUT_PARENT] += done.parent_missing
    _say(counts, options)
    if problems:
        raise UserError(f"{len(problems)} could not be imported: {'; '.join(problems)}")


def _records(folder: Path, problems: list[str]) -> list[tuple[Path, Record]]:
    """The folders of runs with their records; what cannot be read is added to the problems."""
    if not folder.is_dir():
        what = "is no folder" if folder.exists() else "there is no such folder"
        raise UserError(f"{folder}: {what}; {_NAME_ONE}")

    def unreadable(error: OSError) -> None:
        problems.append(f"{error.filename}: cannot be read ({error.strerror})")

    found = []
    for place, below, names in os.walk(folder, onerror=unreadable):
        if run_folder.RECORD in names:
            below.clear()
            try:
                found.append((Path(place), run_folder.read_record(Path(place))))
            except UserError as error:
                problems.append(str(error))
    return found


def _furthest_of_each(found: Sequence[tuple[Path, Record]]) -> dict[str, tuple[Path, Record]]:
    """By id; of several copies of a run the one that has come furthest."""

    def reach(copy: tuple[Path, Record]) -> tuple[int, int]:
        metrics = copy[0] / run_folder.METRICS
        return metrics.stat().st_size if metrics.is_file() else 0, copy[1].end_time or 0

    return {copy[1].id: copy for copy in sorted(found, key=reach)}


def _parents_first(found: Mapping[str, tuple[Path, Record]]) -> list[tuple[Path, Record]]:
    """Oldest first among those that are equally deep."""

    def ancestors(record: Record, below: frozenset[str] = frozenset()) -> int:
        parent = record.tags.get(PARENT, "")
        if parent not in found or parent in below:
            return 0
        return 1 + ancestors(found[parent][1], below | {record.id})

    return sorted(found.values(), key=lambda pair: (ancestors(pair[1]), pair[1].start_time))


@contextmanager
def _alone(options: MlflowOptions) -> Iterator[None]:
    """Two imports into one file at once would each find a run missing, and each make it."""
    if not options.uri.startswith("sqlite:"):
        yield
        return
    folder = Path(options.artifacts)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with locked(folder / ".sync", seconds=0):
            yield
    except TimeoutError:
        raise UserError(f"{options.uri}: another src/sync.py writes to it; wait for it to end") from None


def _say(counts: Counter[str], options: MlflowOptions) -> None:
    outcomes = [IMPORTED, UPDATED, THERE, *([DELETED] if counts[DELETED] else [])]
    said = ", ".join(f"{counts[outcome]} {outcome}" for outcome in outcomes)
    print(f"Runs: {said}. To look at them: {options.how_to_look()}")
    if counts[_WITHOUT_PARENT]:
        print(
            f"Note: {counts[_WITHOUT_PARENT]} are trials of a sweep whose parent run is not there; "
            "they become its children once it is imported."
        )
