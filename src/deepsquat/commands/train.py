"""src/train.py: one run, from its config to its metrics."""

import shlex
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

from deepsquat.commands import earlier
from deepsquat.commands.options import (
    build,
    build_callbacks,
    build_metrics,
    build_network,
    build_sources,
    narrow,
)
from deepsquat.errors import UserError
from deepsquat.files import expanded
from deepsquat.processes import stop_on_sigterm
from deepsquat.runs.description import NOTE

# How the names of tags begin that a run or a sweep sets itself.
_OWN_TAGS = (
    *("mlflow.", "code.", "data.", "best.", "study", "sweep", "trial", "grid_point", "search space"),
    *("folder", "split", "protocol", "command", "machine", "failures", "resumed", "pruned", "error"),
    *("dataset", "fold", "seed", "hardware.", "version.", "offline"),
)

if TYPE_CHECKING:
    from deepsquat.evaluation.folds import FoldOptions


def train(config: DictConfig) -> dict[str, float]:
    """The metrics of one run, new or resumed."""
    from hydra.core.hydra_config import HydraConfig

    stop_on_sigterm()
    folder = Path(HydraConfig.get().runtime.output_dir)
    resume = config.resume
    if resume is not None:
        resume = str(resume)
        config, folder = earlier.interrupted(config, resume, HydraConfig.get().overrides.task)
    elif config["from"] is not None:
        config = earlier.anew(config, str(config["from"]), HydraConfig.get().overrides.task)
    else:
        narrow(config, HydraConfig.get().overrides.task)
    _refuse_single(config, HydraConfig.get())
    if (options := fold_options(config)) is not None and not config.get("debug"):
        return _over_folds(config, options, folder)
    choices = chosen(config)
    from deepsquat import training

    name, tags = own_words(config)
    trial = None
    if config.trial is not None:
        from deepsquat.commands import sweep

        resume = sweep.resumable_run(config, folder)
        tags = {**tags, **sweep.child_tags(config.trial)}
        tags.pop(NOTE, None)  # which is the sweep's own run's
        trial = training.Trial(config.trial.name, list(config.trial.objective))
    values: Any = OmegaConf.to_container(config, resolve=True)
    if config.get("debug"):
        return _tried_out(choices, values, folder)
    try:
        result = training.train(choices, values, folder, resume, tags, trial, name=name)
    except KeyboardInterrupt:
        if config.trial is not None:
            raise
        raise KeyboardInterrupt(_how_to_resume(folder, HydraConfig.get().overrides.task)) from None
    if config.get("promote") and config.trial is None:
        from deepsquat.commands.promote import promote_after

        promote_after(config, result.run_id)
    return result.metrics


def _tried_out(choices: Any, values: dict[str, Any], folder: Path) -> dict[str, float]:
    """One batch of one epoch, of which nothing is kept. folder: Hydra's; it goes if nothing else is in it."""
    from deepsquat import training
    from deepsquat.tracking.offline import OfflineOptions

    trainer = replace(choices.trainer, max_epochs=1, steps_per_epoch=1)
    with tempfile.TemporaryDirectory() as place:
        kept = OfflineOptions(str(Path(place) / "runs"), "debug")
        run = Path(place) / "run"
        try:
            found = training.train(replace(choices, trainer=trainer, tracking=kept), values, run).metrics
        finally:
            if {path.name for path in folder.iterdir()} <= {".hydra"}:
                shutil.rmtree(folder, ignore_errors=True)
    print("debug=true: one batch of one epoch went through; nothing of this run is kept.")
    return found


def own_words(config: DictConfig) -> tuple[str | None, dict[str, str]]:
    """The name that the user gives the run, None where there is none, and the tags, the notes among them.

    Raises:
        UserError: a tag is one that the program sets itself, or a value is no text.
    """
    found: dict[str, str] = {}
    for key, value in (config.get("tags") or {}).items():
        if str(key).startswith(_OWN_TAGS):
            raise UserError(f"tags.{key}: tags of this name are set by the program; take another name")
        if OmegaConf.is_config(value) or value is None or not str(value):
            raise UserError(f"tags.{key} must be a text, got {value}")
        found[str(key)] = str(value)
    for key in ("name", "notes"):
        value = config.get(key)
        if value is not None and (OmegaConf.is_config(value) or not str(value).strip()):
            raise UserError(f"{key} must be a text, or null, got {value}")
    if config.get("notes") is not None:
        found[NOTE] = str(config.notes)
    return None if config.get("name") is None else str(config.name), found


def _over_folds(config: DictConfig, options: "FoldOptions", folder: Path) -> dict[str, float]:
    """The metrics of an evaluation over folds, which goes on where it stopped."""
    from hydra.core.hydra_config import HydraConfig

    from deepsquat.cross_validation import OfSeed, cross_validate
    from deepsquat.training import Trial

    seeds = []
    for seed in options.seeds or [config.seed]:
        own = config.copy()
        own.seed = seed
        values: Any = OmegaConf.to_container(own, resolve=True)
        seeds.append(OfSeed(seed, chosen(own), values))
    typed = any(o.startswith("hydra.run.dir=") for o in HydraConfig.get().overrides.hydra)
    name, tags = own_words(config)
    place, trial = (folder if typed else None), None
    if config.trial is not None:
        from deepsquat.commands import sweep

        sweep.bring_folds(config, folder)
        place, tags = folder, {**tags, **sweep.child_tags(config.trial)}
        tags.pop(NOTE, None)  # which is the sweep's own run's
        trial = Trial(config.trial.name, list(config.trial.objective))
    try:
        return cross_validate(seeds, options, place, tags, trial, name).metrics
    except KeyboardInterrupt:
        if config.trial is not None:
            raise
        raise KeyboardInterrupt("Interrupted. The same command goes on with the unfinished fold.") from None


def fold_options(config: DictConfig) -> "FoldOptions | None":
    """How the run is evaluated over folds; None where it is one training.

    Raises:
        UserError: a value that cannot be.
    """
    return build(config, "evaluation") if "_target_" in config.evaluation else None


def _how_to_resume(folder: Path, overrides: list[str]) -> str:
    """What the user of an interrupted run is told."""
    from deepsquat.runs.owner import owner
    from deepsquat.trainer.checkpoint import LAST

    if not (folder / LAST).is_file():
        return "Interrupted. No checkpoint was written, so there is nothing to resume; start a new run."
    tracked = [o for o in overrides if o.startswith("tracking")]
    return "Interrupted. To go on: " + shlex.join(
        ["python", "src/train.py", f"resume={owner(folder)}", *tracked]
    )


def _refuse_single(config: DictConfig, hydra: Any) -> None:
    """
    Raises:
        UserError: what belongs to a sweep without -m, which would make one run.
    """
    option = hydra.runtime.choices.get("sweep")
    if option and str(hydra.mode) == "RunMode.RUN":
        raise UserError(f"sweep={option} needs -m: python src/train.py -m sweep={option}")
    if config.get("dry") and str(hydra.mode) == "RunMode.RUN":
        raise UserError("dry=true says what a sweep would run; give it with -m, or leave it out")


def chosen(config: DictConfig) -> Any:
    """Each group's options, checked before any data is touched.

    Raises:
        UserError: a value that cannot be, alone or beside the others.
    """
    for key in ("promote", "debug", "dry"):
        if type(config.get(key, False)) is not bool:
            raise UserError(f"{key} must be true or false, got {config[key]}")
    if config.get("promote") and "_target_" in config.evaluation:
        raise UserError(
            "promote=true: an evaluation over folds leaves no network to promote; leave evaluation= out, and "
            "where the runs are of made-up people name the folds to python src/promote.py with folds=FOLDER"
        )
    own_words(config)
    keep = config.get("keep_weights")
    if keep is not None and (type(keep) is not int or keep < 1):
        raise UserError(f"keep_weights must be 1 or more, or null, got {keep}")
    if type(config.seed) is not int or not 0 <= config.seed < 2**31:
        raise UserError(f"seed must be a whole number from 0 to {2**31 - 1}, got {config.seed}")
    from deepsquat.runs.choices import GROUPS, Choices
    from deepsquat.trainer.metrics import tried
    from deepsquat.trainer.options import device_of
    from deepsquat.trainer.steps import refuse_large_batch

    options = {group: build(config, group) for group in GROUPS}
    style, target, metrics = options["skeleton"], options["target"], build_metrics(config)
    tried(metrics, target)
    network = build_network(config, target, style.height, style.width)
    refuse_large_batch(network, options["optim"].batch_size, device_of(options["trainer"]))
    protocol = config.protocol
    evaluation = build_sources(config)
    return Choices(
        **options,
        model=network,
        metrics=metrics,
        callbacks=build_callbacks(config),
        evaluation=evaluation,
        seed=config.seed,
        protocol=protocol.name,
        protocol_note=protocol.note,
        data_folder=expanded(config.paths.data, "paths.data"),
        start=None if config.get("start") is None else expanded(str(config.start), "start"),
    )
