"""Configs of earlier runs: of one that was interrupted, and of one that is trained anew."""

import re
from importlib import import_module
from pathlib import Path

from omegaconf import DictConfig, OmegaConf, open_dict

from deepsquat.commands.options import build, narrow
from deepsquat.commands.studies import study_by_name
from deepsquat.errors import UserError
from deepsquat.files import expanded, read_checked

_RUN = re.compile("[0-9a-f]{32}")
_SETS_OTHERS = ("protocol", "experiment", "sweep")  # groups whose options set values of other groups
_NOT_TAKEN = ("from", "resume", "trial")
_OF_THIS_RUN = ("name", "notes", "tags", "promote", "dry", "debug")  # never an earlier one's


def anew(config: DictConfig, name: str, overrides: list[str]) -> DictConfig:
    """The config of a run, or of a study's best trial, with what was typed beside `from` on top.

    config: as composed from what was typed.

    Raises:
        UserError: there is no such run or study, it has no winner, or its config cannot be had.
    """
    found = config_of_run(_saved_config(config, name), f"from={name}")
    typed = [override for override in overrides if override.partition("=")[0] not in _NOT_TAKEN]
    with open_dict(found):
        for override in typed:
            _put(found, config, override)
        for key in _NOT_TAKEN:
            found[key] = None
        found["from"] = name
        for key in _OF_THIS_RUN:
            found[key] = config[key]
    narrow(found, typed)
    return found


def _put(found: DictConfig, config: DictConfig, override: str) -> None:
    """One override, its value taken from where Hydra has put it."""
    key = override.partition("=")[0]
    if key.startswith("~") or "@" in key or key.lstrip("+").partition(".")[0] in _SETS_OTHERS:
        raise UserError(
            f"{override} cannot be given with from=; give the values that it stands for, such as "
            "trainer.max_epochs, optim.batch_size or data.frames.each_side"
        )
    key = key.lstrip("+")
    OmegaConf.update(found, key, OmegaConf.select(config, key), merge=False, force_add=True)


def _saved_config(config: DictConfig, name: str) -> Path:
    folder = expanded(config.paths.runs, "paths.runs") / name
    if not _RUN.fullmatch(name):
        return _best_of(folder, name)
    run = build(config, "tracking").open_store().find(name)
    if study := run.tag("sweep"):
        return _best_of(Path(run.tag("folder")), study)
    saved = Path(run.tag("folder")) / "files" / "config.yaml"
    if not saved.is_file():
        raise UserError(f"from={name}: {saved} is not there, so the run's folder was moved; bring it back")
    return saved


def _best_of(folder: Path, name: str) -> Path:
    """The config of a study's best trial."""
    from hydra.core.hydra_config import HydraConfig

    from deepsquat.study.beginning import origin

    storage = HydraConfig.get().sweeper.storage
    study = study_by_name(folder.parent, name, storage, f"from={name}", kinds="run and no study")
    if len(study.directions) > 1:
        best = " ".join(f"multirun/{name}/{trial.number}" for trial in study.best_trials[:5])
        raise UserError(f"from={name}: it has several objectives, so choose: from=RUN_ID, as of {best}")
    if not study.best_trials:
        raise UserError(f"from={name}: none of its trials has finished; the command of the sweep resumes it")
    where = origin(study, study.best_trial)
    return folder.parent / where.study / str(where.trial) / "files" / "config.yaml"


def interrupted(config: DictConfig, run_id: str, overrides: list[str]) -> tuple[DictConfig, Path]:
    """The config and the folder of a run that did not end.

    Raises:
        UserError: no such run, it has ended, its checkpoint is gone, or other values are given with `resume`.
    """
    others = [o for o in overrides if not o.startswith(("resume=", "tracking"))]
    if others:
        raise UserError(
            f"resume={run_id} takes every value from the run that it resumes; leave out {' '.join(others)}"
        )
    run = build(config, "tracking").open_store().find(run_id)
    if run.tag("folds") or run.tag("fold"):
        raise UserError(
            f"resume={run_id}: an evaluation over folds is gone on with by the command that began it"
        )
    if run.status == "FINISHED":
        raise UserError(f"resume={run_id}: this run has finished; start a new one")
    folder = Path(run.tag("folder"))
    saved = folder / "files" / "config.yaml"
    if not (folder / "last.ckpt").is_file() or not saved.is_file():
        raise UserError(
            f"resume={run_id}: {folder} holds no last.ckpt and config.yaml to resume from; "
            "it was interrupted before its first epoch ended, or its folder was moved. Start a new run"
        )
    found = config_of_run(saved, f"resume={run_id}")
    if found.get("trial") is not None:
        raise UserError(
            f"resume={run_id}: this run belongs to the sweep {found.trial.study}; "
            "the command that started the sweep resumes it"
        )
    found.tracking = config.tracking
    return found, folder


def config_of_run(path: Path, asked: str) -> DictConfig:
    """What `read_config` reads, with every group that a run has today.

    Raises:
        UserError: it cannot be read, or a version that knew less started the run.
    """
    from deepsquat.runs.choices import GROUPS

    found = read_config(path, asked)
    if missing := [group for group in (*GROUPS, "model", "evaluation") if group not in found]:
        raise UserError(
            f"{asked}: it was started by a version without {', '.join(missing)}; "
            "start a new run with python src/train.py"
        )
    return found


def read_config(path: Path, asked: str) -> DictConfig:
    """A run's own config, its values as they were.

    Raises:
        UserError: it is damaged, or this version has no use for it; `asked` is what the user typed.
    """
    content = read_checked(path, "start a new run with python src/train.py")
    found = OmegaConf.create(content.decode())
    assert isinstance(found, DictConfig)
    for group in found.values():
        target = str(group.get("_target_", "")) if isinstance(group, DictConfig) else ""
        if target.startswith("deepsquat.") and not _is_there(target):
            raise UserError(
                f"{asked}: it was started by a version with {target}, which this one has not; "
                "start a new run with python src/train.py"
            )
    return found


def _is_there(target: str) -> bool:
    module, _, name = target.rpartition(".")
    try:
        return hasattr(import_module(module), name)
    except ImportError:
        return False
