"""A study and its folder. Both bear one id, so that neither is taken for another of the same name."""

import json
import uuid
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from deepsquat.errors import UserError
from deepsquat.files import unwritable, written_whole
from deepsquat.locks import locked
from deepsquat.study.options import StudyOptions, make_pruner
from deepsquat.study.ownership import is_alive
from deepsquat.study.points import ENDED_WELL, living, process_of, processes
from deepsquat.study.storage import open_storage

ID_FILE = "study.id"
_ANEW = "another study is started with hydra.sweeper.study=NAME"


def opened(options: StudyOptions, address: str, folder: Path, identity: dict[str, Any]) -> optuna.Study:
    """The study, new or old, with its id as the user attribute `id` and in the folder.

    Raises:
        UserError: the folder or the study is another's, or the study was started with another identity and
            some trial of it has ended well.
    """
    open_storage(address)  # first, for one that cannot be had leaves no folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(folder, error) from error
    with locked(folder / ".opening.lock"):  # two first starts at once make one study
        lying = _trial_folders(folder)  # before the trials are looked up: a trial is older than its folder
        study = _found(options, address)
        trials = study.get_trials(deepcopy=False) if study else []
        _refuse_others(options, address, folder, lying, study, trials)
        study = study or _made(options, address)
        if "id" not in study.user_attrs:
            study.set_user_attr("id", uuid.uuid4().hex)
        study_id = study.user_attrs["id"]
        if _id_of(folder) != study_id:
            with written_whole(folder / ID_FILE) as temporary:
                temporary.write_text(f"{study_id}\n")
        _identify(study, options, trials, as_kept(identity))
    return study


def as_kept(identity: Mapping[str, Any]) -> dict[str, Any]:
    """What a study is, as its storage gives it back."""
    kept: dict[str, Any] = json.loads(json.dumps(identity, default=str))
    return kept


def _trial_folders(folder: Path) -> list[int]:
    return sorted(int(path.name) for path in folder.iterdir() if path.name.isdecimal() and path.is_dir())


def _id_of(folder: Path) -> str | None:
    file = folder / ID_FILE
    return file.read_text(errors="replace").strip() if file.is_file() else None


def _found(options: StudyOptions, address: str) -> optuna.Study | None:
    storage = open_storage(address)
    if options.study not in {study.study_name for study in storage.get_all_studies()}:
        return None
    return optuna.load_study(study_name=options.study, storage=storage, pruner=make_pruner(options))


def _made(options: StudyOptions, address: str) -> optuna.Study:
    return optuna.create_study(
        storage=open_storage(address),
        study_name=options.study,
        directions=list(options.directions),  # type: ignore[arg-type]
        pruner=make_pruner(options),
        load_if_exists=True,
    )


def _name_objectives(study: optuna.Study, options: StudyOptions) -> None:
    if options.objective is not None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            study.set_metric_names(list(options.objectives))


def _refuse_others(
    options: StudyOptions,
    address: str,
    folder: Path,
    lying: Sequence[int],
    study: optuna.Study | None,
    trials: Sequence[FrozenTrial],
) -> None:
    if study is not None and trials and "id" not in study.user_attrs:
        raise UserError(
            f"{address}: an earlier version or another program made its study {options.study}; {_ANEW}"
        )
    strangers = [number for number in lying if number >= len(trials)]
    if strangers:
        raise UserError(
            f"{folder / str(strangers[0])} is no trial of the study {options.study} in {address}, which has "
            f"{len(trials) or 'none'}; bring back what was there, or move {folder} away to start anew"
        )
    known, bears = study.user_attrs.get("id") if study else None, _id_of(folder)
    if lying and bears is not None and bears != known:
        raise UserError(
            f"{folder} belongs to another study than the one named {options.study} in {address}; "
            f"move it away, or {_ANEW}"
        )
    if study is not None and known is not None and bears != known and (others := living(study)):
        raise UserError(
            f"{folder} is not the folder in which trial {others[0].number} of the study {options.study} runs "
            f"({process_of(others[0])}): every machine must see the one folder; name it with "
            "hydra.sweeper.folder"
        )


def _identify(
    study: optuna.Study, options: StudyOptions, trials: Sequence[FrozenTrial], now: dict[str, Any]
) -> None:
    """Keeps what the study is. It may change while nothing has ended well; what there is then counts no more.

    Raises:
        UserError: it differs, and something has ended well.
    """
    before = study.user_attrs.get("identity")
    now = without_new(options, before, now)
    if before == now:
        return
    refuse_other_values(study, options, trials, now)
    _name_objectives(study, options)
    study.set_user_attr("since", len(trials))
    study.set_user_attr("identity", now)


def without_new(options: StudyOptions, before: dict[str, Any] | None, now: dict[str, Any]) -> dict[str, Any]:
    """What a study is now, without what it did not know when it began, where that may be new."""
    if before is None or not options.may_be_new:
        return now
    return {key: value for key, value in now.items() if key in before}


def refuse_other_values(
    study: optuna.Study, options: StudyOptions, trials: Sequence[FrozenTrial], now: dict[str, Any]
) -> None:
    """
    Raises:
        UserError: the study is another one than `now`, and something has ended well; or it has another
            direction, which a study keeps for ever.
    """
    name, before = options.study, study.user_attrs.get("identity")
    if before not in (None, now) and any(map(_binds, trials)):
        changes = [
            f"{key} was {_short(before.get(key))}, is {_short(now.get(key))}"
            for key in sorted({*before, *now})
            if before.get(key) != now.get(key)
        ]
        more = f" and {len(changes) - 4} more" if len(changes) > 4 else ""
        raise UserError(
            f"the study {name} was started with other values: {'; '.join(changes[:4])}{more}. "
            "Put them back, or start another study with hydra.sweeper.study=NAME"
        )
    if [direction.name.lower() for direction in study.directions] != list(options.directions):
        raise UserError(
            f"the study {name} was made to {', '.join(d.name.lower() for d in study.directions)}, which "
            "cannot be changed; start another study with hydra.sweeper.study=NAME"
        )


def _binds(trial: FrozenTrial) -> bool:
    """Whether a trial holds the study to its values: it has ended well, or may yet."""
    if trial.state == TrialState.RUNNING:
        return any(is_alive(process) is not False for process in processes(trial))
    return trial.state in ENDED_WELL


def _short(value: Any) -> str:
    return "not there" if value is None else str(value)[:80]
