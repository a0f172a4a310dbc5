"""Between Hydra and the sweep: its overrides, its composed config, its launchers."""

import hashlib
import json
import os
import subprocess
import time
import uuid
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.plugins import Plugins
from hydra.core.utils import JobStatus
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, flag_override

from deepsquat.errors import UserError
from deepsquat.overrides import hydra_text
from deepsquat.processes import cores
from deepsquat.study import dry
from deepsquat.study.check import check_objective, looked_at
from deepsquat.study.composer import Composer
from deepsquat.study.first import first_points
from deepsquat.study.hooks import Hooks
from deepsquat.study.options import StudyOptions, make_pruner, make_sampler
from deepsquat.study.slots import Slots
from deepsquat.study.space import Params, Space, parse
from deepsquat.study.sweep import sweep
from deepsquat.study.task import Task, threads_per_trial
from deepsquat.trust import named

_SOURCE = Path(__file__).resolve().parents[2]  # what this code is imported from
_TO_END = 60.0  # seconds that Slurm's jobs get to end


def run(
    options: StudyOptions,
    context: HydraContext,
    function: TaskFunction,
    config: DictConfig,
    arguments: Sequence[str],
) -> int:
    """Sweeps as Hydra's command line says; the number of points that are not done."""
    _refuse_folders(config)
    loader: Any = context.config_loader
    loader.load_sweep_config = Composer(loader)
    options, space = _space(options, arguments, loader)

    def compose(params: Params) -> DictConfig:
        composed: DictConfig = loader.load_sweep_config(config, space.overrides(params))
        return composed

    composed = looked_at(space, space.first(), compose)
    at_once = _trials_at_once(options, config)
    identity = _identity(options, space, composed)
    if not options.study:
        digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
        options = replace(options, study=f"sweep-{digest[:8]}")
    folder = Path(options.folder).resolve() / options.study
    address = options.storage or str(folder / "study.journal")
    made = named(options.hooks, "hydra.sweeper.hooks") if options.hooks else Hooks
    if not (isinstance(made, type) and issubclass(made, Hooks)):
        raise UserError(f"hydra.sweeper.hooks={options.hooks} is no class after deepsquat.study.hooks.Hooks")
    hooks = made(composed, options.study, str(folder))
    check_objective(options, hooks.metrics())
    for params in space.samples(loader.repository.group_exists):
        looked_at(space, params, lambda params: hooks.check(compose(params)))
    first = first_points(
        options.first,
        space,
        lambda overrides: loader.load_sweep_config(config, list(overrides)),
        loader.repository.group_exists,
    )
    for params in first:
        looked_at(space, params, lambda params: hooks.check(compose(params)))
    if options.dry:
        dry.say(options, address, folder, space, identity, first, at_once)
        return 0
    with flag_override(config, ["struct", "readonly"], [False, False]):
        config.hydra.sweep.dir = str(folder)
    task = Task(function, address, options.study, options)
    _show_source()
    _join_ray(config)
    jobs = _named_jobs(config)
    launcher = Plugins.instance().instantiate_launcher(
        hydra_context=context, task_function=task, config=config
    )

    # Launchers make what all their jobs share, such as joblib's pool, at the first and not for two at once;
    # those of submitit share nothing, and take no empty list.
    shares = "submitit" not in config.hydra.launcher._target_

    def launch(overrides: Sequence[str] | None, number: int) -> None:
        lines = []
        if overrides is not None:
            here = f"hydra.sweep.dir={hydra_text(str(folder))}"
            lines = [[*overrides, here, f"hydra.sweep.subdir={number}", "hydra.mode=MULTIRUN"]]
        if lines or shares:
            for returned in launcher.launch(lines, initial_job_idx=number):
                if returned.status == JobStatus.FAILED:
                    raise returned._return_value

    slots = Slots(launch, at_once, end=lambda: end_jobs(jobs) if jobs else None)
    return sweep(options, address, folder, space, identity, hooks, task, slots, first)


def _show_source() -> None:
    """Lets the processes that a launcher starts, here or on another machine, import what this one imports."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(_SOURCE), *([before] if before else [])])


def _named_jobs(config: DictConfig) -> str:
    """The name of this sweep's jobs in Slurm's queue, by which they are ended; empty where there is none."""
    launcher = config.hydra.launcher
    if not launcher._target_.endswith("SlurmLauncher"):
        return ""
    with flag_override(config, ["struct", "readonly"], [False, False]):
        launcher.name = f"{launcher.name}-{uuid.uuid4().hex[:8]}"
    return str(launcher.name)


def _join_ray(config: DictConfig) -> None:
    """Beside the address of a cluster Ray refuses the memory that the launcher gives one of its own."""
    launcher = config.hydra.launcher
    if launcher._target_.endswith("RayLauncher") and launcher.ray.init.get("address"):
        with flag_override(config, ["struct", "readonly"], [False, False]):
            launcher.ray.init.setdefault("object_store_memory", None)


def end_jobs(name: str) -> None:
    """Ends the jobs of this name that still wait or run, and waits for their end: they end their trials."""
    ours = ["--me", f"--name={name}"]
    subprocess.run(["scancel", *ours], capture_output=True)
    end = time.monotonic() + _TO_END
    while time.monotonic() < end:
        left = subprocess.run(["squeue", "--noheader", *ours], capture_output=True, text=True)
        if left.returncode or not left.stdout.strip():
            return
        time.sleep(0.5)


def _space(options: StudyOptions, arguments: Sequence[str], loader: Any) -> tuple[StudyOptions, Space]:
    """What is swept, and the options with the sampler named."""
    parser = OverridesParser.create(config_loader=loader)
    space = parse(options.params, arguments, parser, discrete=options.sampler in (None, "grid"))
    if options.sampler is None:
        options = replace(options, sampler="grid" if space.is_finite else "tpe")
    if options.sampler != "grid":
        space = parse(options.params, arguments, parser, discrete=False)
        if options.n_trials is None:
            raise UserError(f"hydra.sweeper.n_trials=N: say how many trials {options.sampler} is to draw")
    elif not space.is_finite:
        raise UserError("hydra.sweeper.sampler=grid cannot run through an interval; give choices or a range")
    make_sampler(options, 0)
    make_pruner(options)
    return options, space


def _refuse_folders(config: DictConfig) -> None:
    """
    Raises:
        UserError: a folder is given where Hydra's own sweepers look for one.
    """
    for override in config.hydra.overrides.hydra:
        if override.lstrip("+").startswith(("hydra.sweep.dir=", "hydra.sweep.subdir=")):
            raise UserError(
                f"{override}: a sweep's folder is hydra.sweeper.folder with hydra.sweeper.study in it, and a "
                "trial's is its number in that; give those"
            )


def _trials_at_once(options: StudyOptions, config: DictConfig) -> int:
    """Trials at once; the launcher is told the same number, so that it shares the cores rightly."""
    launcher = config.hydra.launcher
    if "n_jobs" not in launcher:
        if options.n_jobs not in (None, 1) and "BasicLauncher" in launcher._target_:
            raise UserError(
                f"hydra.sweeper.n_jobs={options.n_jobs} needs a launcher that can: add hydra/launcher=joblib"
            )
        return options.n_jobs or 1
    asked = options.n_jobs or launcher.n_jobs
    number = asked if asked > 0 else cores()
    with flag_override(config, ["struct", "readonly"], [False, False]):
        launcher.n_jobs = number
    threads_per_trial(number)
    return int(number)


def _identity(options: StudyOptions, space: Space, composed: DictConfig) -> dict[str, Any]:
    """What must be the same at every start, flat: the space, the sampler, the config of the trials."""
    values = OmegaConf.to_container(composed, resolve=False)
    assert isinstance(values, dict)
    swept = {axis.target for axis in space.axes}
    found: dict[str, Any] = {}

    def flatten(node: Any, name: str) -> None:
        if name in ("hydra", "trial") or name in swept or name in options.may_differ:
            return
        if isinstance(node, dict) and node:
            for key, value in node.items():
                flatten(value, f"{name}.{key}" if name else str(key))
        else:
            found[name] = str(node)

    flatten(values, "")
    keys = ("objective", "direction", "sampler", "sampler_options", "seed", "pruner", "pruner_options")
    for key in keys:
        found[f"hydra.sweeper.{key}"] = str(getattr(options, key))
    found["swept"] = " ".join(f"{key}={words}" for key, words in space.words().items())
    return found
