"""What a sweep would run, said without running or writing anything."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import optuna
from optuna.trial import TrialState

from deepsquat import terminal
from deepsquat.study import beginning
from deepsquat.study.opening import ID_FILE, as_kept, refuse_other_values, without_new
from deepsquat.study.options import StudyOptions
from deepsquat.study.ownership import is_alive
from deepsquat.study.points import Point, Points, processes
from deepsquat.study.space import Params, Space, in_words
from deepsquat.study.storage import open_storage
from deepsquat.terminal import took

MOST = 20  # points that are named


def say(
    options: StudyOptions,
    address: str,
    folder: Path,
    space: Space,
    identity: Mapping[str, Any],
    first: Sequence[Params],
    at_once: int,
) -> None:
    """Says what is done, what would run, and about how long it takes, by the trials that have ended well.

    identity: without what only the data can tell.

    Raises:
        UserError: the sweep would be refused for what can be known without its data.
    """
    kept = _kept(options, address, folder)
    study = kept or optuna.create_study(directions=list(options.directions))  # type: ignore[arg-type]
    points = Points(study, space, options, "", first)
    if kept is not None and (before := kept.user_attrs.get("identity")) is not None:
        told = without_new(options, before, as_kept(identity))
        refuse_other_values(kept, options, kept.trials, {**before, **told})
    if options.begin_with is not None:
        other = beginning.found(folder, options)
        alike = {**other.user_attrs["identity"], **as_kept(identity)}
        beginning.refuse_unlike(points, other, alike)
        if kept is None:  # into the memory, which nobody else sees
            beginning.begin_with(points, folder, options, alike)
    all_points = points.all()
    points.begin()
    left = [p for p in all_points if points.is_free(p) or _is_lost(p)]
    done = sum(p.done for p in all_points)
    running = sum(p.running and not p.done and not _is_lost(p) for p in all_points)
    given_up = len(all_points) - done - running - len(left)
    terminal.say(
        f"Study {options.study}: {len(all_points)} trials by {options.sampler}, in {folder}: {done} done, "
        + (f"{running} running, " if running else "")
        + (f"{given_up} given up, " if given_up else "")
        + f"{len(left)} to run"
    )
    known = [(point, points.known(point)) for point in left]
    named = [in_words(values) for _, values in known if values]
    for words in named[:MOST]:
        terminal.say(f"  {words}")
    if len(named) > MOST:
        terminal.say(f"  and {len(named) - MOST} more")
    if drawn := len(left) - len(named):
        words = " ".join(f"{key}={said}" for key, said in space.words().items())
        terminal.say(f"  {drawn} that {options.sampler} draws: {words}")
    terminal.say(_time(points, len(left), at_once))
    terminal.say("Nothing was run or written; without dry=true it begins.")


def _is_lost(point: Point) -> bool:
    """Whether its last trial was run by processes that are gone."""
    return (
        point.running
        and not point.done
        and all(is_alive(process) is False for process in processes(point.trials[-1]))
    )


def _kept(options: StudyOptions, address: str, folder: Path) -> optuna.Study | None:
    """The study as it stands; None where there is none."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    if (folder / ID_FILE).is_file():
        storage = open_storage(address)
        if options.study in {study.study_name for study in storage.get_all_studies()}:
            return optuna.load_study(study_name=options.study, storage=storage)
    return None


def _time(points: Points, left: int, at_once: int) -> str:
    if not left:
        return "Time: none, for nothing is left to run"
    trials = [t for t in points.trials() if t.state == TrialState.COMPLETE and "seconds" in t.user_attrs]
    side_by_side = f", {at_once} at once" if at_once > 1 else ""
    if not trials:
        limit = points.options.timeout
        most = f"; at most {took(limit * -(-left // at_once))}, by hydra.sweeper.timeout" if limit else ""
        return f"Time: nobody knows before a trial is complete{most}"
    each = median(trial.user_attrs["seconds"] for trial in trials)
    return (
        f"Time: about {took(each * -(-left // at_once))}{side_by_side}, by the median of {len(trials)} "
        f"complete trial{'s' * (len(trials) > 1)}, {took(each)}"
    )
