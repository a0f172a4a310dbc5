"""What a sweep would run, said without running or writing anything."""

from pathlib import Path
from statistics import median

import optuna
from optuna.trial import TrialState

from deepsquat import terminal
from deepsquat.study.opening import ID_FILE
from deepsquat.study.options import StudyOptions
from deepsquat.study.points import Points
from deepsquat.study.space import Params, Space, in_words
from deepsquat.study.storage import open_storage
from deepsquat.terminal import took

MOST = 20  # points that are named


def say(
    options: StudyOptions, address: str, folder: Path, space: Space, first: list[Params], at_once: int
) -> None:
    """Says what is done, what would run, and about how long it takes, by the trials that have ended well."""
    points = Points(_study(options, address, folder), space, options, "", first)
    all_points = points.all()
    points.begin()
    left = [p for p in all_points if points.is_free(p)]
    done = sum(p.done for p in all_points)
    running = sum(p.running and not p.done for p in all_points)
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


def _study(options: StudyOptions, address: str, folder: Path) -> optuna.Study:
    """The study as it stands, or an empty one in memory."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    if (folder / ID_FILE).is_file():
        storage = open_storage(address)
        if options.study in {study.study_name for study in storage.get_all_studies()}:
            return optuna.load_study(study_name=options.study, storage=storage)
    return optuna.create_study(directions=list(options.directions))  # type: ignore[arg-type]


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
