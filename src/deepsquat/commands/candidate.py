"""A run's network as a model that judges squats, calibrated on the squats that the run was validated on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor, nn

from deepsquat import tracking
from deepsquat.champion import Champion
from deepsquat.commands.earlier import config_of_run
from deepsquat.commands.train import chosen
from deepsquat.data.squats import FrameChoice
from deepsquat.errors import UserError
from deepsquat.evaluation.calibration import boundary, temperature
from deepsquat.evaluation.scores import Scores, auc
from deepsquat.images import source_name
from deepsquat.model.ensemble import Ensemble
from deepsquat.runs import files as run_files
from deepsquat.runs import provenance
from deepsquat.runs.choices import Choices
from deepsquat.trainer.checkpoint import BEST, TESTED, read_weights
from deepsquat.trainer.predictions import Predictions

FEWEST = 20  # val squats; fewer say too little of a temperature and a threshold
_CLIP = 1e-6  # of a probability, before its logit


@dataclass(frozen=True)
class Trained:
    """A run's choices, weights of it, and the folder of its files."""

    run_id: str
    choices: Choices
    weights: Mapping[str, Tensor]
    files: Path
    tested: bool  # whether the run's test figures are of these weights
    frames: FrameChoice  # that its protocol says


def of_run(store: tracking.Store, run_id: str) -> Trained:
    """What a finished run was told, and the weights that it was tested with.

    Runs of earlier versions kept those of the lowest val/loss alone, which are taken then.

    Raises:
        UserError: there is no such run, it has not finished, or its folder is gone.
    """
    run = store.find(run_id)
    if run.tag("sweep") or run.tag("folds"):
        kind = "a sweep's" if run.tag("sweep") else "an evaluation's"
        raise UserError(f"{run_id} is {kind} own run, which has no network; name one of its runs")
    if run.status == "FAILED":
        raise UserError(f"runs: {run_id} has failed; python src/train.py from={run_id} trains it anew")
    if run.status != "FINISHED":
        raise UserError(f"runs: {run_id} has not finished; python src/train.py resume={run_id}")
    folder = Path(run.tag("folder"))
    path = folder / TESTED if (folder / TESTED).is_file() else folder / BEST
    if not path.is_file() and run.tag("study"):
        raise UserError(
            f"{run_id} was not among the best trials of {run.tag('study')}, whose weights alone are kept: "
            f"python src/train.py from={run_id} trains it again"
        )
    return _trained(path, folder / "files", run_id)


def of_checkpoint(path: Path) -> Trained:
    """The same of a checkpoint's file, in a run's folder or among its artifacts.

    Raises:
        UserError: it is none, or the run's config is not beside it.
    """
    places = (path.parent / "files", path.parent.parent)
    files = next((place for place in places if (place / "config.yaml").is_file()), None)
    if files is None:
        raise UserError(
            f"{path}: the run's config.yaml is not beside it; name a checkpoint where its run has put it"
        )
    return _trained(path, files, read_weights(path)[1])


def _trained(path: Path, files: Path, run_id: str) -> Trained:
    weights, owner = read_weights(path)
    if owner != run_id:
        raise UserError(f"{path} is of the run {owner}, not of {run_id}; train anew")
    config = config_of_run(files / "config.yaml", f"run {run_id}")
    frames = FrameChoice(config.protocol.frames_each_side, config.protocol.frame_step)
    return Trained(run_id, chosen(config), weights, files, path.name == TESTED, frames)


def network_of(choices: Choices, weights: Sequence[Mapping[str, Tensor]]) -> tuple[nn.Module, dict[str, Any]]:
    """The network in eval mode, of several weights their mean, and what builds it.

    Raises:
        UserError: the weights are another network's.
    """
    cls = choices.model.cls
    built_by: dict[str, Any] = {
        "_target_": f"{cls.__module__}.{cls.__qualname__}",
        **choices.model.arguments,
        **getattr(cls, "arguments_when_loaded", {}),
    }
    network: nn.Module = choices.model.make()
    members: Sequence[nn.Module] = [network]
    if len(weights) > 1:
        network = together = Ensemble(len(weights), built_by)
        members = list(together.members)
        built_by = {"_target_": f"{Ensemble.__module__}.Ensemble", "members": len(weights), "of": built_by}
    for member, its_weights in zip(members, weights, strict=True):
        try:
            member.load_state_dict(its_weights)
        except RuntimeError as error:
            raise UserError(f"{cls.__name__}: the weights are another network's; train anew") from error
    return network.eval(), built_by


def model_of(trained: Trained, name: str) -> Champion:
    """The model, with temperature and shift where enough val squats say them, else 1 and 0."""
    choices = trained.choices
    network, built_by = network_of(choices, [trained.weights])
    code, _ = provenance.code_tags()
    made_of = {
        "data": {"source": source_name(choices.data)},
        "runs": [trained.run_id],
        "commit": code.get("mlflow.source.git.commit", ""),
    }
    frames = getattr(choices.data, "frames", None) or trained.frames
    raw = Champion(
        name, network, built_by, choices.target, choices.skeleton, frames, 1.0, 0.5, made_of=made_of
    )
    val = scores_of(trained).get("val")
    if val is None or len(val.label) < FEWEST or not auc(val.label, val.score) > 0.5:
        return raw
    begins = boundary(val.score, val.label)
    if begins is None:
        return raw
    warm = temperature(val.score, val.label)
    return replace(raw, temperature=warm, shift=begins / warm)


def scores_of(trained: Trained) -> dict[str, Scores]:
    """Of val and test, each squat's mean logit before the temperature; empty where others were tested."""
    path = trained.files / run_files.PREDICTIONS
    if not (trained.tested and path.is_file()):
        return {}
    return {part: _per_squat(found) for part, found in run_files.read_predictions(path).items()}


def _per_squat(found: Predictions) -> Scores:
    p_good = found.p_good.astype(float).clip(_CLIP, 1 - _CLIP)
    count = np.bincount(found.squat)
    score = np.bincount(found.squat, np.log(p_good / (1 - p_good))) / count
    label = (np.bincount(found.squat, found.label) / count).round().astype(int)
    return Scores(score, label, np.array([item.subject for item in found.squats]))
