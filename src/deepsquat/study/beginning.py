"""A study that begins with the trials of another one, whose space was narrower, wider, or otherwise cut."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from deepsquat.errors import UserError
from deepsquat.study.first import as_text, within
from deepsquat.study.options import StudyOptions
from deepsquat.study.points import Points
from deepsquat.study.space import Params
from deepsquat.study.storage import open_storage

_NO_PART = ("swept", "hydra.sweeper.")  # of what two studies must share


@dataclass(frozen=True)
class Origin:
    """Where a trial was run that a study began with: the study there, its id, and the number."""

    study: str
    id: str
    trial: int


def origin(study: optuna.Study, trial: FrozenTrial) -> Origin:
    """The study and the number under which a trial has its folder and its run."""
    of = trial.user_attrs.get("of")
    return Origin(**of) if of else Origin(study.study_name, study.user_attrs.get("id", ""), trial.number)


def begin_with(
    points: Points, folder: Path, options: StudyOptions, identity: Mapping[str, Any]
) -> tuple[int, int]:
    """Takes over every complete trial of `options.begin_with` that is a point of this study too.

    Returns: how many it took, and how many it did not, for they are no points here or have no place.

    Each counts as one of the study's own points. A study that has trials of its own already takes over
    nothing, but one that was stopped in the middle of this goes on with it.

    Raises:
        UserError: there is no such study, or it differs in more than in what is swept.
    """
    other = found(folder, options)
    refuse_unlike(points, other, identity)
    there = [trial.user_attrs.get("of") for trial in points.trials()]
    if None in there:
        return 0, 0
    taken, complete = len(there), 0
    distributions = points.space.distributions()
    for trial in other.get_trials(deepcopy=False):
        if trial.state != TrialState.COMPLETE:
            continue
        complete += 1
        params = _as_ours(points, other, trial, identity)
        index = None if params is None else _index(points, params, taken)
        if params is None or index is None or vars(origin(other, trial)) in there:
            continue
        kept = {k: v for k, v in trial.user_attrs.items() if k in ("seconds", "version")}
        points.study.add_trial(
            optuna.trial.create_trial(
                params=params,
                distributions={name: distributions[name] for name in params},
                values=trial.values,
                user_attrs={**kept, "point": index, "of": vars(origin(other, trial))},
                intermediate_values=trial.intermediate_values,
            )
        )
        taken += 1
    return taken - len(there), complete - taken


def found(folder: Path, options: StudyOptions) -> optuna.Study:
    name = str(options.begin_with)
    key = f"hydra.sweeper.begin_with={name}"
    if name == options.study:
        raise UserError(f"{key}: it is this very study; name another one")
    journal = folder.parent / name / "study.journal"
    if options.storage is None and not journal.is_file():
        raise UserError(f"{key}: there is no study of that name in {folder.parent}")
    storage = open_storage(options.storage or str(journal))
    try:
        study = optuna.load_study(study_name=name, storage=storage)
    except KeyError:
        raise UserError(f"{key}: there is no study of that name in {options.storage or journal}") from None
    if "identity" not in study.user_attrs:
        raise UserError(f"{key}: another program made it; name a study of a sweep")
    return study


def refuse_unlike(points: Points, other: optuna.Study, identity: Mapping[str, Any]) -> None:
    before = other.user_attrs["identity"]
    key = f"hydra.sweeper.begin_with={other.study_name}"
    if other.directions != points.study.directions or before["hydra.sweeper.objective"] != str(
        points.options.objective
    ):
        raise UserError(f"{key}: it has another objective, {before['hydra.sweeper.objective']}")
    swept = {axis.target for axis in points.space.axes} | _swept(other)
    for name in sorted({*before, *identity}):
        if name.startswith(_NO_PART) or any(name == s or name.startswith(f"{s}.") for s in swept):
            continue
        was, now = (str(one.get(name, "not there")) for one in (before, identity))
        if was != now:
            raise UserError(f"{key}: there {name} is {was}, here {now}; only what is swept may differ")


def _swept(study: optuna.Study) -> set[str]:
    return {_target(name) for trial in study.get_trials(deepcopy=False) for name in trial.params}


def _target(name: str) -> str:
    """The value's name in the config, of an axis that may bear the choice which it depends on."""
    return re.sub(r" \(.*\)$", "", name)


def _as_ours(
    points: Points, other: optuna.Study, trial: FrozenTrial, identity: Mapping[str, Any]
) -> Params | None:
    """A trial's point in our space; None where it is none."""
    theirs = {_target(name): value for name, value in trial.params.items()}
    ours = {axis.target for axis in points.space.axes}
    fixed = ((identity.get(name), value) for name, value in theirs.items() if name not in ours)
    if any(as_text(here) != as_text(there) for here, there in fixed):
        return None
    params: Params = {}
    for axis in points.space.axes:
        if not axis.is_there(params):
            continue
        value = theirs.get(axis.target, _number(other.user_attrs["identity"].get(axis.target)))
        try:
            params[axis.name] = within(axis, value, given=True)
        except UserError:
            return None
    return params


def _number(text: Any) -> Any:
    """What an identity holds as text."""
    try:
        return float(text)
    except (TypeError, ValueError):
        return text


def _index(points: Points, params: Params, taken: int) -> int | None:
    """The point that a trial taken over counts as; None where the study has none left for it."""
    if points.grid:
        return points.grid.index(params) if params in points.grid[: points.count] else None
    index = len(points.first) + taken
    return index if index < points.count else None
