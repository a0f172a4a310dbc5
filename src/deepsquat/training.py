"""One run, top to bottom: squats, poses, images, network, record."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor

from deepsquat import champion, tracking
from deepsquat.data.squats import FreshSource, VideoSource
from deepsquat.errors import UserError
from deepsquat.evaluation import guessing, transfer
from deepsquat.images import Images, drawn_anew, load_images, source_name
from deepsquat.locks import held
from deepsquat.model.ensemble import Ensemble
from deepsquat.runs import files as run_files
from deepsquat.runs import owner
from deepsquat.runs.choices import Choices
from deepsquat.runs.record import known_tags, log_inputs
from deepsquat.runs.said import say_data, say_results
from deepsquat.runs.usage import Usage
from deepsquat.split import PARTS, audit
from deepsquat.study import running
from deepsquat.terminal import say
from deepsquat.trainer import checkpoint
from deepsquat.trainer.batches import SquatData, items_of
from deepsquat.trainer.callbacks import EpochEnd, EpochSeeds, Progress
from deepsquat.trainer.classifier import Classifier
from deepsquat.trainer.early import check_early
from deepsquat.trainer.options import device_of, make_trainer
from deepsquat.trainer.predictions import Predictions, predictions
from deepsquat.trainer.target import Target


@dataclass(frozen=True)
class Trial:
    """What a trial's run is called; objective: the metrics that the sweep looks at."""

    name: str
    objective: Sequence[str]

    def ended(self, metrics: Mapping[str, float]) -> str:
        """Its name with what came out."""
        values = [f"{key} {metrics[key]:.3g}" for key in self.objective if key in metrics]
        return f"{self.name} -> {', '.join(values)}"


@dataclass(frozen=True)
class Result:
    """metrics: of the last epoch, and of test, under the names of the run."""

    run_id: str
    metrics: dict[str, float]
    folder: Path


_ONE_VALUE = "more than 1 value per channel"  # what torch's BatchNorm says of one image of one place
# Of the trained network, its data, all images of them, and the run's metrics.
Finished = Callable[[Classifier, SquatData, Images, Mapping[str, float]], None]


def train(
    choices: Choices,
    config: Mapping[str, Any],
    folder: Path,
    resume: str | None = None,
    tags: Mapping[str, str] = MappingProxyType({}),
    trial: Trial | None = None,
    finished: Finished | None = None,
    name: str | None = None,
) -> Result:
    """Trains once and keeps the run. `folder` takes the checkpoints and the run's files.

    config: the resolved values that `choices` was built from, logged as they are.
    resume: id of an interrupted run whose `last.ckpt` is in `folder`, to be resumed.
    tags: further tags of the run.
    trial: of a sweep, or a fold, where it is one.
    finished: called when all of the run is kept, and it is about to end.
        name: of the run; None: made of the choices.

    Raises:
        UserError: the data cannot be used, the folder or its checkpoint is another run's or damaged, or the
            loss became NaN (the run then ends FAILED).
        KeyboardInterrupt: the run ends KILLED and keeps its checkpoints.
    """
    device = device_of(choices.trainer)  # errors come before minutes of data preparation
    start = None if choices.start is None or resume else _start(choices, choices.start)
    store = choices.tracking.open_store()
    with held(folder):  # before a run is created in the store, so that none is created that cannot continue
        owner.check_free(folder, resume)
        if resume:
            checkpoint.check_last(folder, resume)
        if isinstance(choices.data, VideoSource):  # before minutes of poses
            _refuse_unmeasured(choices)
        check_early(choices.data, choices.split, choices.augment, choices.optim.batch_size)
        images = load_images(choices.data, choices.pose, choices.skeleton, choices.data_folder)
        if np.isnan(images.measures).any():
            _refuse_unmeasured(choices)
        parts = choices.split.divided(items_of(images))
        crossing = audit(parts, choices.split.by)
        batch_size, style = choices.optim.batch_size, choices.skeleton
        anew = _anew(choices)
        steps = choices.trainer.steps_per_epoch
        data = SquatData(images, parts, batch_size, choices.seed, choices.augment, style, device, anew, steps)
        elsewhere = _elsewhere(choices)
        say_data(choices, data, crossing)
        if resume:
            run = _resumed(store, resume, images, {"folder": str(folder), **tags})
        else:
            known = known_tags(choices, images, crossing, folder)
            run = store.start(trial.name if trial else name or choices.name, {**known, **tags})
        owner.own(folder, run.id)
        with run.ending(running.Pruned):
            say(f"Run {run.id}, in {folder}")
            if not resume:
                log_inputs(run, choices, config, images, data, folder / "files", trial is not None)
            try:
                fitted = _fit_and_test(choices, run, data, elsewhere, folder, resume is not None, start)
            except running.Pruned:
                if trial is not None:
                    run.rename(f"{trial.name} -> pruned")
                raise
            finally:
                if trial is None:
                    _keep_checkpoints(run, folder)
            said = fitted.classifier.p_good
            found = {part: predictions(data.parts[part], said[part]) for part in said}
            files = folder / "files"
            run_files.write_predictions(files, data, found)
            alarms: list[str] = []
            if trial is not None:
                run.rename(trial.ended(fitted.metrics))
            else:
                scores, alarms = _oracle(choices, images, data, found["test"])
                run.metrics(scores, tracking.WHOLE_RUN)
                history = run.history(run_files.CURVES)
                title = choices.title(run.id)
                run_files.draw_results(files, choices.data, images, data, found, history, title)
            run.artifact(files)
            if finished is not None:
                finished(fitted.classifier, data, images, fitted.metrics)
        (folder / checkpoint.LAST).unlink(missing_ok=True)
        if trial is not None:  # of many networks each is kept once, as it was tested
            (folder / checkpoint.BEST).unlink(missing_ok=True)
    more = [*transfer.lines(fitted.elsewhere), *alarms]
    say_results(choices, run.id, found, fitted.metrics, more, store.how_to_look(run.id))
    if unwritten := run.unwritten():
        say(unwritten)
    return Result(run.id, fitted.metrics, folder)


def returned(target: Target, metrics: Iterable[str], elsewhere: Iterable[str]) -> list[str]:
    """The names of what a run returns. elsewhere: the names of further data that it is tested on."""
    measured = ("loss", target.loss_name, "l2_penalty", *metrics)
    own = [f"{part}/{name}" for part in PARTS for name in measured]
    return [*own, *transfer.metric_names(elsewhere), "fit_seconds", "best_epoch"]


def _oracle(
    choices: Choices, images: Images, data: SquatData, found: Predictions
) -> tuple[dict[str, float], list[str]]:
    """Of those who know but the video, subject or framing; empty where scikit-learn is not installed."""
    if find_spec("sklearn") is None:
        return {}, []
    parts, split = data.parts, f"a split by {choices.split.by}"
    return guessing.oracle(images, parts["train"], parts["test"], found.p_good, choices.seed, split)


def _elsewhere(choices: Choices) -> dict[str, Images]:
    """What the finished network is tested on beside its own data; read now, since errors come early."""
    sources = choices.evaluation.items()
    found = {
        name: load_images(source, choices.pose, choices.skeleton, choices.data_folder)
        for name, source in sources
    }
    transfer.refuse_unlabelled(found)
    return found


def _refuse_unmeasured(choices: Choices) -> None:
    if choices.target.needs_measures:
        raise UserError(
            f"target: it learns from bodies whose joints are known, and data={source_name(choices.data)} "
            "does not say them; take data=joints or ui_prmd, or target=good_or_bad"
        )


def _start(choices: Choices, folder: Path) -> Mapping[str, Tensor]:
    """The weights of the model in a folder; of several networks' those of the one numbered by the seed.

    Raises:
        UserError: there is no such model, or it is of another network or target.
    """
    model = champion.load(folder)
    network = model.network
    if isinstance(network, Ensemble):
        network = network.members[choices.seed % len(network.members)]
    if type(model.target) is not type(choices.target) or model.skeleton != choices.skeleton:
        raise UserError(
            f"start={folder}: has another target or skeleton; take the same ones, or another start"
        )
    weights = network.state_dict()
    wanted = choices.model.make().state_dict()
    if {name: value.shape for name, value in weights.items()} != {n: v.shape for n, v in wanted.items()}:
        raise UserError(f"start={folder}: has another network; choose the same model, or another start")
    return weights


def _anew(choices: Choices) -> Callable[[int, int], Images] | None:
    source = choices.data
    if not isinstance(source, FreshSource) or not source.fresh:
        return None
    return partial(drawn_anew, source, choices.skeleton)


def _resumed(store: tracking.Store, run_id: str, images: Images, tags: Mapping[str, str]) -> tracking.Run:
    run = store.find(run_id)
    before, now = run.tag("data.fingerprint"), str(images.fingerprint)
    if before and before != now:
        raise UserError(
            f"resume={run.id}: its data were {before[:12]} and are now {now[:12]}; "
            "bring back the videos and labels it was started with, or start a new run"
        )
    run.reopen()
    run.tags(tags)
    return run


def _keep_checkpoints(run: tracking.Run, folder: Path) -> None:
    """Also of a run that was interrupted, which can then be resumed where its folder is lost."""
    for name in (checkpoint.BEST, checkpoint.LAST, checkpoint.TESTED):
        if (folder / name).is_file():
            run.artifact(folder / name, "checkpoints")


@dataclass(frozen=True)
class _Fitted:
    classifier: Classifier
    metrics: dict[str, float]
    elsewhere: dict[str, transfer.Elsewhere]


def _fit_and_test(
    choices: Choices,
    run: tracking.Run,
    data: SquatData,
    elsewhere: Mapping[str, Images],
    folder: Path,
    goes_on: bool,
    begun: Mapping[str, Tensor] | None,
) -> _Fitted:
    """begun: the weights to begin from; None: drawn by chance, or those of the checkpoint."""
    pl.seed_everything(choices.seed, verbose=False)
    classifier = Classifier(
        choices.model, choices.target, choices.metrics, choices.optim, choices.trainer.compile
    )
    if begun is not None:
        classifier.network.load_state_dict(begun)
    last_epoch: dict[str, float] = {}

    usage = Usage()

    def report(metrics: dict[str, float], epoch: int) -> None:
        run.metrics({**metrics, **usage.metrics()}, epoch)
        last_epoch.update(metrics)
        running.report(metrics, epoch, choices.trainer.max_epochs)

    epoch_end = EpochEnd(folder, run.id, report, choices.trainer.patience)
    own = [made() for made in choices.callbacks.values()]
    trainer = make_trainer(choices.trainer, [EpochSeeds(choices.seed), *own, epoch_end, Progress()])
    try:
        last = folder / checkpoint.LAST if goes_on else None
        trainer.fit(classifier, datamodule=data, ckpt_path=last, weights_only=True)
        seconds = epoch_end.seconds
    except SystemExit as stop:  # Lightning's answer to Ctrl-C
        raise KeyboardInterrupt from stop
    except torch.OutOfMemoryError as error:
        raise UserError(
            f"optim.batch_size={choices.optim.batch_size} is more than the GPU's memory holds; "
            "take a smaller batch, a smaller network or trainer=cpu"
        ) from error
    except ValueError as error:
        if _ONE_VALUE not in str(error):
            raise
        raise UserError(
            f"optim.batch_size={choices.optim.batch_size} leaves one image for an epoch's last batch, and "
            "this network normalises over several; take another batch size, or larger images"
        ) from error
    if epoch_end.ended_early:
        patience, waited = choices.trainer.patience, trainer.current_epoch - 1 - epoch_end.best_epoch
        by_patience = patience is not None and waited >= patience
        say(
            f"Ended after epoch {trainer.current_epoch} of {choices.trainer.max_epochs} by "
            f"{f'trainer.patience={patience}' if by_patience else 'a callback'}: "
            f"val/loss was lowest at epoch {epoch_end.best_epoch + 1}"
        )
    if not last_epoch:  # the run was killed after its last epoch, and had nothing left to fit
        classifier.evaluate("val", data.parts["val"], data.parts["val"].device)
        last_epoch = run.latest_metrics()
    tested = classifier.evaluate("test", data.parts["test"], data.parts["test"].device)
    device = data.parts["test"].device
    transferred = transfer.tested(elsewhere, classifier.said_good, device, choices.optim.batch_size)
    weights, epoch = classifier.network.state_dict(), trainer.current_epoch - 1
    checkpoint.write_weights(folder / checkpoint.TESTED, weights, epoch, run.id)
    closing = {"fit_seconds": seconds, "best_epoch": epoch_end.best_epoch + 1}
    closing |= transfer.metrics_of(transferred)
    run.metrics(tested | closing, tracking.WHOLE_RUN)
    return _Fitted(classifier, last_epoch | tested | closing, transferred)
