"""From Hydra's config to the stages."""

from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from deepsquat import command
from deepsquat.command import build
from deepsquat.data.arrays import ArrayFile
from deepsquat.errors import UserError
from deepsquat.files import expanded
from deepsquat.tracking.mlflow import MlflowOptions

_PREPARE = ("data", "pose", "skeleton")
_TRAIN = (*_PREPARE, "split", "augment", "model", "optim", "trainer", "tracking")


def train(config: DictConfig) -> dict[str, float]:
    """src/train.py: one training; its metrics."""
    from hydra.core.hydra_config import HydraConfig

    command.stop_on_sigterm()
    folder = Path(HydraConfig.get().runtime.output_dir)
    resume = config.resume
    if resume is not None:
        config, folder = _interrupted(config, resume, HydraConfig.get().overrides.task)
    options = _options(config)
    tags = {}
    if config.trial is not None:
        from deepsquat import study_runs

        resume, tags = study_runs.take_up(config, folder), study_runs.child_tags(config.trial)

    from deepsquat import training

    job = training.Job(
        source=options["data"],
        pose=options["pose"],
        style=options["skeleton"],
        split=options["split"],
        augment=options["augment"],
        model=options["model"],
        optim=options["optim"],
        trainer=options["trainer"],
        tracking=options["tracking"],
        seed=config.seed,
        protocol=config.protocol.name,
        note=config.protocol.note,
        data_folder=Path(config.paths.data),
        root=command.ROOT,
    )
    values: Any = OmegaConf.to_container(config, resolve=True)
    return training.train(job, values, folder, resume, tags).metrics


def prepare(config: DictConfig) -> None:
    """src/prepare.py: the landmark table, and the file of images where one is asked for."""
    command.stop_on_sigterm()
    options = {group: build(config, group) for group in _PREPARE}

    if isinstance(options["data"], ArrayFile):
        raise UserError("data=arrays: these images are prepared already; train on them with src/train.py")
    folder = Path(config.paths.data)
    if not config.export:
        from deepsquat.pose.table import prepare as prepare_table

        prepare_table(options["data"], options["pose"], folder)
        return
    from deepsquat.dataset import load_images, save

    path = expanded(config.export, "export")
    if path.suffix != ".npz":
        raise UserError(f"export={config.export}: the file's name must end in .npz")
    images = load_images(options["data"], options["pose"], options["skeleton"], folder)
    save(path, images)
    print(f"{len(images.images)} images in {path}; train on them with data=arrays data.file={path}")


def report(config: DictConfig) -> None:
    """src/report.py: the paper's tables beside ours."""
    options = _mlflow(config, "src/report.py reads MLflow")
    from deepsquat.report.report import write

    write(options, config.runs.protocol, config.runs.data, Path(config.folder))


def sync(config: DictConfig) -> None:
    """src/sync.py: runs that were kept as plain files, into MLflow."""
    command.stop_on_sigterm()
    options = _mlflow(config, "src/sync.py writes into MLflow")
    from deepsquat.tracking.sync import import_runs

    import_runs(expanded(str(config.folder), "folder"), options)


def reproduce(config: DictConfig) -> None:
    """src/reproduce.py: the paper's tables. Exit code 0 all done, 75 out of time, 1 some trainings failed."""
    from deepsquat import reproduction

    command.stop_on_sigterm()
    if config.minutes is not None and not config.minutes > 0:
        raise UserError(f"minutes must be above 0, got {config.minutes}")
    files = [expanded(str(file), "files") for file in config.files]
    steps = reproduction.steps(files, config.tables, config.train)
    home, out = Path(command.home()), expanded(str(config.out), "out")
    reached = reproduction.run(steps, command.ROOT, home, config.minutes, out)
    if not reached.ended:
        print("The time is up; the same line goes on from here.")
        raise SystemExit(75)
    if reached.failed:
        print("Some trainings failed; the same line tries them again.")
        raise SystemExit(1)
    print("All of it is done. To see it: unpack the file, then python src/sync.py FOLDER")


def _mlflow(config: DictConfig, why: str) -> MlflowOptions:
    options = build(config, "tracking")
    if not isinstance(options, MlflowOptions):
        raise UserError(
            f"tracking=offline: {why}; bring the runs there with python src/sync.py {options.folder}, "
            "and leave tracking=offline out"
        )
    return options


def _options(config: DictConfig) -> dict[str, Any]:
    """Each group's dataclass, checked, without torch and before any data is touched."""
    if not isinstance(config.seed, int) or not 0 <= config.seed < 2**31:
        raise UserError(f"seed must be a whole number from 0 to {2**31 - 1}, got {config.seed}")
    options = {group: build(config, group) for group in _TRAIN}
    style = options["skeleton"]
    options["model"].feature_shape(style.height, style.width)
    return options


def _interrupted(config: DictConfig, run_id: str, overrides: list[str]) -> tuple[DictConfig, Path]:
    """The config and the folder of a run that did not end.

    Raises:
        UserError: no such run, it has ended, its checkpoint is gone, or other values are given with `resume`.
    """
    others = [o for o in overrides if not o.startswith(("resume=", "tracking"))]
    if others:
        raise UserError(
            f"resume={run_id} takes every value from the run it goes on with; leave out {' '.join(others)}"
        )
    run = build(config, "tracking").open_store().find(run_id)
    if run.status == "FINISHED":
        raise UserError(f"resume={run_id}: this run has finished; start a new one")
    folder = Path(run.tag("folder"))
    saved = folder / "files" / "config.yaml"
    if not (folder / "last.ckpt").is_file() or not saved.is_file():
        raise UserError(
            f"resume={run_id}: {folder} holds no last.ckpt and config.yaml to go on from; "
            "it was interrupted before its first epoch ended, or its folder was moved. Start a new run"
        )
    found = OmegaConf.load(saved)
    assert isinstance(found, DictConfig)
    if found.get("trial") is not None:
        raise UserError(
            f"resume={run_id}: this run belongs to the sweep {found.trial.study}; "
            "the command that started the sweep takes it up"
        )
    found.tracking = config.tracking
    return found, folder
