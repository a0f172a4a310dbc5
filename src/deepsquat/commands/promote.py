"""src/promote.py: a finished run, or several on made-up people, becomes the champion."""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from omegaconf import DictConfig, OmegaConf

from deepsquat import champion, tracking
from deepsquat.champion import Champion
from deepsquat.commands import candidate, fitting, quality
from deepsquat.commands.card import card, labelled_card
from deepsquat.commands.left_out import LeftOut, by_the_others, left_out
from deepsquat.commands.options import build, build_sources, listed
from deepsquat.commands.quality import Measured
from deepsquat.commands.run import CONF
from deepsquat.data.joined import Joined
from deepsquat.data.joints.source import MadeUpJoints
from deepsquat.data.squats import FrameChoice
from deepsquat.errors import UserError
from deepsquat.evaluation.judged import judge, unmeasured
from deepsquat.files import expanded, written_whole
from deepsquat.images import load_images, source_name
from deepsquat.runs import provenance
from deepsquat.runs.choices import Choices
from deepsquat.runs.pictures import can_draw
from deepsquat.runs.reliability import Said, draw_reliability
from deepsquat.trainer.form import Form

_ALIAS = "champion"


def promote(config: DictConfig) -> None:
    """Writes the model, and says how well it does.

    Raises:
        UserError: a run is not there, not finished, or of another kind than the first.
    """
    ids = listed(config, "runs")
    if not (isinstance(config.name, str) and re.fullmatch(r"[^/:\x00-\x1f]+", config.name)):
        raise UserError(f"name must be a text without / and :, got {config.name!r}")
    store = build(config, "tracking").open_store()
    runs = [candidate.of_run(store, run_id) for run_id in ids]
    refuse_different(ids, [run.choices for run in runs])
    bytes_each = sum(value.numel() * value.element_size() for value in runs[0].weights.values())
    champion.refuse_large(_folder(config), bytes_each * len(runs))  # before minutes of work
    drawn = _made_up(runs[0].choices)
    if drawn is None:
        _promote_labelled(config, store, runs)
        return
    choices = replace(runs[0].choices, data=drawn)
    frames = FrameChoice(config.protocol.frames_each_side, config.protocol.frame_step)
    others = build_sources(config)  # named wrongly, they are refused before minutes of work
    real = None if config.get("folds") is None else left_out(expanded(config.folds, "folds"))
    if real is not None:
        refuse_different([ids[0], real.run_id], [choices, real.choices])
    made_of = _made_of(runs, real)
    raw = _raw(str(config.name), choices, [run.weights for run in runs], frames, made_of)
    held_out = judge(raw, fitting.held_out(config, choices, frames))
    first = np.array([int(who.rpartition("-")[2]) % 2 == 0 for who in held_out.scores.subject])
    fitted_on = held_out.some(first)
    fitted = fitting.fitted(raw, fitted_on, fitting.standards(config), real)
    quantiles, errors = fitting.read_off(fitted, config, choices)
    fitted = replace(fitted, quantiles=quantiles, errors=errors)
    said = {"made-up people, held out": quality.said(fitted, held_out.some(~first).scores)}
    measured = {"made-up people, held out": quality.measured(fitted, held_out.some(~first))}
    if real is not None:
        p_good = by_the_others(real.squats, fitted_on.scores)
        said["real people, left out"] = Said(p_good, real.squats.scores.label, real.squats.group)
        measured |= {
            f"real people left out, {view.replace('_', ' ')}": quality.of(
                fitted, real.scores(rows), p_good[rows], real.squats.group[rows]
            )
            for view, rows in real.views().items()
        }
    data_folder = expanded(config.paths.data, "paths.data")
    for name, source in others.items():
        images = load_images(source, choices.pose, fitted.skeleton, data_folder)
        measured[f"{images.source}, {name}"] = quality.measured(fitted, judge(raw, images))
    folder = _keep(config, store, fitted, card(fitted, measured), measured)
    if can_draw():
        draw_reliability(folder / "reliability.png", said)


def promote_after(config: DictConfig, run_id: str) -> None:
    """Promotes a run that has just finished, as conf/promote.yaml says. config: its own, or its sweep's."""
    told = OmegaConf.to_container(OmegaConf.load(Path(CONF) / "promote.yaml"))
    assert isinstance(told, dict)
    own = {key: value for key, value in told.items() if key not in ("defaults", "hydra")}
    groups = {key: OmegaConf.to_container(config[key], resolve=True) for key in ("tracking", "evaluation")}
    merged = OmegaConf.merge(own, groups, {"runs": [run_id], "paths": {"data": config.paths.data}})
    assert isinstance(merged, DictConfig)
    promote(merged)


def _promote_labelled(config: DictConfig, store: tracking.Store, runs: Sequence[candidate.Trained]) -> None:
    """The same of a run on squats that somebody has labelled: val fits it, and test says how good it is."""
    if len(runs) > 1:
        raise UserError("runs: of runs on labelled squats one is promoted; only those on made-up people join")
    if config.get("folds") is not None:
        raise UserError(
            f"folds={config.folds}: are for runs on made-up people; this one's val sets its standard"
        )
    fitted = candidate.model_of(runs[0], str(config.name))
    scores = candidate.scores_of(runs[0])
    if not scores:
        raise UserError(
            f"runs: {runs[0].run_id} kept no weights that its test figures are of; train it anew with "
            f"python src/train.py from={runs[0].run_id}"
        )
    measured = {part: quality.measured(fitted, unmeasured(found)) for part, found in scores.items()}
    raw, data_folder = replace(fitted, temperature=1.0), expanded(config.paths.data, "paths.data")
    for name, source in build_sources(config).items():
        images = load_images(source, runs[0].choices.pose, fitted.skeleton, data_folder)
        measured[f"{images.source}, {name}"] = quality.measured(fitted, judge(raw, images))
    _keep(config, store, fitted, labelled_card(fitted, measured), measured)


def _folder(config: DictConfig) -> Path:
    """That the model goes into."""
    return _folder_in_use(config) if config.folder is None else expanded(config.folder, "folder")


def _folder_in_use(config: DictConfig) -> Path:
    """That src/predict.py takes its model from."""
    return expanded(config.paths.data, "paths.data") / champion.PROMOTED


def _keep(
    config: DictConfig,
    store: tracking.Store,
    model: Champion,
    text: str,
    measured: Mapping[str, Measured],
) -> Path:
    """Writes the model and its card, says how good it is, registers it with its first run; and where."""
    folder = _folder(config)
    champion.write(folder, model)
    with written_whole(folder / "README.md") as temporary:
        temporary.write_text(text, encoding="utf-8")
    quality.write_told(folder, {name: found.told for name, found in measured.items()})
    for name, found in measured.items():
        said = {
            "AUC": quality.in_words(found.auc, found.auc_interval),
            "less a reference": f"{found.auc_with_reference:.3f}",
            "balanced": f"{found.balanced_accuracy:.1%}",
            "beside a reference": f"{found.balanced_with_reference:.1%}",
            "calibration error": f"{found.calibration_error:.3f}",
            "camera off by": f"{found.yaw_error:.0f} degrees",
        }
        known = [f"{word} {value}" for word, value in said.items() if "nan" not in value]
        print(f"{name}: {found.squats} squats, {', '.join(known)}")
    first = model.made_of["runs"][0]
    in_use = folder.resolve() in (champion.FOLDER, _folder_in_use(config).resolve())
    registered = store.register(first, folder, model.name, _ALIAS if in_use else None)
    print(f"Model in {folder}{registered and ', and in MLflow as '}{registered}")
    return folder


def refuse_different(ids: list[str], made: list[Choices]) -> None:
    """
    Raises:
        UserError: a run's network, target or skeleton is not the first one's.
    """

    def kind(choices: Choices) -> tuple[Any, ...]:
        return choices.model.cls, choices.model.arguments, choices.target, choices.skeleton

    for run_id, choices in zip(ids, made, strict=True):
        if kind(choices) != kind(made[0]):
            raise UserError(f"runs: {run_id} has another network, target or skeleton than {ids[0]}")


def _made_up(choices: Choices) -> MadeUpJoints | None:
    """The made-up people whose faults a run learned, alone or beside others; None where there are none."""
    if not isinstance(choices.target, Form):
        return None  # it learned labels, whoever they are of
    data = choices.data
    sources = [source for _, source in data.of] if isinstance(data, Joined) else [data]
    return next((source for source in sources if isinstance(source, MadeUpJoints)), None)


def _made_of(runs: Sequence[candidate.Trained], real: LeftOut | None) -> dict[str, Any]:
    code, _ = provenance.code_tags()
    choices = runs[0].choices
    drawn = _made_up(choices)
    assert drawn is not None
    found: dict[str, Any] = {
        "data": drawn.inputs(),
        "runs": [run.run_id for run in runs],
        "commit": code.get("mlflow.source.git.commit", ""),
    }
    if isinstance(choices.data, Joined):
        others = [(name, source) for name, source in choices.data.of if source is not drawn]
        found["beside"] = {
            name: {"source": source_name(source)}
            | {f.name: str(getattr(source, f.name)) for f in fields(source) if f.name != "root"}
            for name, source in others
        }
    if real is not None:
        found["folds"] = real.run_id
    if choices.start is not None:
        with suppress(UserError):  # it was taken away since
            found["start"] = dict(champion.load(choices.start).made_of)
    return found


def _raw(
    name: str,
    choices: Choices,
    weights: Sequence[Mapping[str, torch.Tensor]],
    frames: FrameChoice,
    made_of: Mapping[str, Any],
) -> Champion:
    """The network alone, with nothing fitted."""
    network, built_by = candidate.network_of(choices, weights)
    views = {"yaw": choices.data.view.yaw}
    return Champion(
        name, network, built_by, choices.target, choices.skeleton, frames, 1.0, 0.5,
        views=views, made_of=made_of,
    )  # fmt: skip
