"""The main job: from a source of squats to a trained network and its run."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytorch_lightning as pl
import torch

from deepsquat import provenance, tracking
from deepsquat.augment import Augment
from deepsquat.callbacks import EpochEnd, EpochSeeds, Progress
from deepsquat.datamodule import SquatData, items_of
from deepsquat.dataset import Images, load_images, named
from deepsquat.errors import UserError
from deepsquat.evaluation import Predictions, predictions, wilson_interval
from deepsquat.files import held
from deepsquat.model.classifier import Classifier
from deepsquat.model.convnet import ConvNet
from deepsquat.model.options import AdamOptions, ConvNetOptions
from deepsquat.report import run_files
from deepsquat.skeleton import Style
from deepsquat.split import Audit, SplitOptions, audit, split
from deepsquat.study import running
from deepsquat.trainer import TrainerOptions, device_of, make_trainer


@dataclass(frozen=True)
class Job:
    """Everything that one training is told; plain dataclasses, each of the stage it belongs to."""

    source: Any  # the options of a data stage
    pose: Any  # the options of the pose stage
    style: Style
    split: SplitOptions
    augment: Augment
    model: ConvNetOptions
    optim: AdamOptions
    trainer: TrainerOptions
    tracking: tracking.Options
    seed: int
    protocol: str  # its name
    note: str  # what the run says of its protocol
    data_folder: Path
    root: Path  # the repository, for the code's tags


@dataclass(frozen=True)
class Result:
    """metrics: of the last epoch, and of test, under the names of the run."""

    run_id: str
    metrics: dict[str, float]
    folder: Path


def train(
    job: Job,
    config: dict[str, Any],
    folder: Path,
    resume: str | None = None,
    tags: Mapping[str, str] = MappingProxyType({}),
) -> Result:
    """Trains once and keeps the run. `folder` takes the checkpoints and the run's files.

    config: the resolved values that `job` was built from, logged as they are.
    resume: id of an interrupted run whose `last.ckpt` lies in `folder`; its training goes on.
    tags: further tags of the run.

    Raises:
        UserError: the data cannot be used, or the loss became NaN (the run then ends FAILED).
        KeyboardInterrupt: the run ends KILLED and keeps its checkpoints.
    """
    device = device_of(job.trainer)  # what cannot be had is said before the data stages take their minutes
    store = job.tracking.open_store()
    images = load_images(job.source, job.pose, job.style, job.data_folder)
    parts = split(items_of(images), job.split)
    crossing = audit(parts, job.split.by)
    data = SquatData(images, parts, job.optim.batch_size, job.seed, job.augment, job.style, device)
    _say_data(data, crossing, job)

    if resume:
        run = store.find(resume)
        _refuse_other_data(run, images)
        run.go_on()
        run.tags({"folder": str(folder), **tags})
    else:
        run = store.start(_run_name(job), {**_known_tags(job, images, crossing, folder), **tags})
    in_sweep = "mlflow.parentRunId" in tags  # its pictures cost more than they tell, a dozen times over
    with held(folder), run.ending():
        print(f"Run {run.id}, in {folder}")
        if not resume:
            _log_inputs(run, job, config, images, data, folder, in_sweep)
        # A trial that has not ended is taken up from its folder, and one that has is not.
        kept = ("best.ckpt",) if in_sweep else ("best.ckpt", "last.ckpt")
        try:
            result = _fit_and_test(job, run, data, folder, resume is not None)
        finally:
            for checkpoint in kept:
                if (folder / checkpoint).is_file():
                    run.artifact(folder / checkpoint, "checkpoints")
        found = {part: predictions(data.parts[part], said) for part, said in result.p_good.items()}
        files = folder / "files"
        run_files.write_predictions(files, data, found)
        if not in_sweep:
            history = run.history(run_files.CURVES)
            run_files.draw_results(files, data, found, history, _title(job, run.id))
        run.artifact(files)
    (folder / "last.ckpt").unlink(missing_ok=True)
    _say_results(run, job, data, found, result.metrics)
    return Result(run.id, result.metrics, folder)


def _refuse_other_data(run: tracking.Run, images: Images) -> None:
    before, now = run.tag("data.fingerprint"), str(images.fingerprint)
    if before and before != now:
        raise UserError(
            f"resume={run.id}: its data were {before[:12]} and are now {now[:12]}; "
            "bring back the videos and labels it was started with, or start a new run"
        )


@dataclass(frozen=True)
class _Fitted:
    p_good: dict[str, torch.Tensor]  # (m,) of val and test
    metrics: dict[str, float]


def _fit_and_test(job: Job, run: tracking.Run, data: SquatData, folder: Path, goes_on: bool) -> _Fitted:
    pl.seed_everything(job.seed, verbose=False)
    network = ConvNet(job.model, job.style.height, job.style.width).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    classifier = Classifier(network, job.optim, job.trainer.compile)
    parameters = float(sum(p.numel() for p in network.parameters()))

    last_epoch: dict[str, float] = {}

    def report(metrics: dict[str, float], epoch: int) -> None:
        run.metrics(metrics if last_epoch else {"parameters": parameters, **metrics}, epoch)
        last_epoch.update(metrics)
        running.report(metrics, epoch)

    epoch_end = EpochEnd(folder, report)
    trainer = make_trainer(job.trainer, [EpochSeeds(job.seed), epoch_end, Progress()])
    start = time.monotonic()
    try:
        last = folder / "last.ckpt" if goes_on else None
        trainer.fit(classifier, datamodule=data, ckpt_path=last, weights_only=True)
        seconds = time.monotonic() - start
    except SystemExit as stop:  # Lightning's answer to Ctrl-C
        raise KeyboardInterrupt from stop
    test = data.parts["test"]
    tested = classifier.evaluate("test", test, test.device)
    closing = {"fit_seconds": seconds, "best_epoch": epoch_end.best_epoch + 1}
    run.metrics(tested | closing, trainer.current_epoch)
    if not last_epoch:  # the run was killed after its last epoch, and had nothing left to fit
        classifier.evaluate("val", data.parts["val"], test.device)
        last_epoch = run.latest_metrics()
    return _Fitted(classifier.p_good, last_epoch | tested | closing)


def _run_name(job: Job) -> str:
    model = job.model
    network = f"{model.blocks} blocks, kernel {model.kernel_size}, l2 {job.optim.l2:g}"
    return f"{network}, {named(job.source)}, {job.protocol}"


def _title(job: Job, run_id: str) -> str:
    return f"{_run_name(job)}, split by {job.split.by} ({run_id[:8]})"


def _known_tags(job: Job, images: Images, crossing: Audit, folder: Path) -> dict[str, str]:
    code, _ = provenance.code_tags(job.root)
    return {
        **code,
        **provenance.machine_tags(),
        "protocol": job.protocol,
        "protocol.note": job.note,
        "folder": str(folder),
        "data.source": str(images.source),
        "data.fingerprint": str(images.fingerprint),
        "data.squats": str(sum(crossing.squats.values())),
        "split": f"by_{job.split.by}",
        "split.crossing": "; ".join(crossing.lines()) or "none",
    }


def _log_inputs(
    run: tracking.Run,
    job: Job,
    config: dict[str, Any],
    images: Images,
    data: SquatData,
    folder: Path,
    in_sweep: bool,
) -> None:
    """Everything that is known before the first step and is no tag."""
    _, diff = provenance.code_tags(job.root)
    run.params(tracking.flattened(config))
    counts = json.dumps(data.counts())
    run.dataset(str(images.source), str(images.fingerprint), str(job.source), counts)
    files = folder / "files"
    run_files.write_inputs(files, config, diff, data)
    if not in_sweep:
        run_files.write_samples(files, data)
    run.artifact(files)


def _say_data(data: SquatData, crossing: Audit, job: Job) -> None:
    counts = data.counts()
    print(f"Protocol {job.protocol}: {job.note}.")
    print(
        f"Split by {job.split.by}: "
        + ", ".join(f"{part} {squats} squats ({n} images)" for part, (squats, n) in counts.items())
    )
    for line in crossing.lines():
        print(f"Note: {line}.")


def _say_results(
    run: tracking.Run,
    job: Job,
    data: SquatData,
    found: dict[str, Predictions],
    metrics: dict[str, float],
) -> None:
    print(f"\n{'':8}{'loss':>8}{'bce':>8}{'accuracy':>10}{'squats':>9}   95 % interval of squats")
    for part in ("train", "val", "test"):
        loss, bce, accuracy = (metrics[f"{part}/{name}"] for name in ("loss", "bce", "accuracy"))
        line = f"{part:8}{loss:8.3f}{bce:8.3f}{accuracy:10.1%}"
        if part in found:
            label, p_good = found[part].per_squat()
            right = int(((p_good > 0.5) == label).sum())
            low, high = wilson_interval(right, len(label))
            line += f"{right / len(label):9.1%}   {low:.0%} to {high:.0%} ({right} of {len(label)})"
        print(line)
    print(f"\nRun {run.id} ({job.note}). To look at it: {job.tracking.how_to_look()}")
