"""src/promote.py: a finished run, or several on made-up people, becomes the champion."""

import csv
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from omegaconf import DictConfig, OmegaConf

from deepsquat import champion, tracking
from deepsquat.champion import Champion, Comparison, Standard
from deepsquat.commands import candidate
from deepsquat.commands.card import card, labelled_card
from deepsquat.commands.left_out import LeftOut, by_the_others, calibrated, left_out
from deepsquat.commands.options import build, build_sources, listed
from deepsquat.commands.run import CONF
from deepsquat.data.joined import Joined
from deepsquat.data.joints.source import MadeUpJoints
from deepsquat.data.squats import FrameChoice
from deepsquat.errors import UserError
from deepsquat.evaluation.calibration import boundary, calibration_error, temperature
from deepsquat.evaluation.judged import Judged, judge, unmeasured
from deepsquat.evaluation.out_of_fold import probabilities
from deepsquat.evaluation.scores import Scores, auc, balanced_accuracy, less_a_reference, with_reference
from deepsquat.evaluation.told import Told, curve, rows
from deepsquat.files import expanded, written_whole
from deepsquat.images import Images, draw_images, load_images, source_name
from deepsquat.measures import OF_BODY, VIEWS, Limits, Measures, faulty
from deepsquat.runs import pictures, provenance
from deepsquat.runs.choices import Choices
from deepsquat.runs.pictures import can_draw
from deepsquat.runs.reliability import Said, draw_reliability
from deepsquat.trainer.form import Form

_ALIAS = "champion"
_PERCENTILES = (5, 25, 50, 75, 95)


@dataclass(frozen=True)
class Measured:
    """How well one source's squats are judged."""

    squats: int
    auc: float
    auc_with_reference: float
    balanced_accuracy: float  # at the champion's threshold
    balanced_with_reference: float  # beside one good squat of the same subject, every one in turn
    calibration_error: float
    yaw_error: float  # degrees, the median of the camera's; NaN where it is not read
    told: tuple[Told, ...] = ()  # by the margin around the threshold


def promote(config: DictConfig) -> None:
    """Writes the model, and says how well it does.

    Raises:
        UserError: a run is not there, not finished, or of another kind than the first.
    """
    ids = listed(config, "runs")
    store = build(config, "tracking").open_store()
    runs = [candidate.of_run(store, run_id) for run_id in ids]
    refuse_different(ids, [run.choices for run in runs])
    bytes_each = sum(value.numel() * value.element_size() for value in runs[0].weights.values())
    champion.refuse_large(_folder(config), bytes_each * len(runs))  # before minutes of work
    drawn = _made_up(runs[0].choices.data)
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
    held_out = judge(raw, _held_out(config, choices, frames))
    first = np.array([int(who.rpartition("-")[2]) % 2 == 0 for who in held_out.scores.subject])
    fitted_on = held_out.some(first)
    fitted = _fitted(raw, fitted_on, _standards(config), real)
    quantiles, errors = _read_off(fitted, config, choices)
    fitted = replace(fitted, quantiles=quantiles, errors=errors)
    said = {"made-up people, held out": _said(fitted, held_out.some(~first).scores)}
    measured = {"made-up people, held out": _measured(fitted, held_out.some(~first))}
    if real is not None:
        p_good = by_the_others(real.squats, fitted_on.scores)
        said["real people, left out"] = Said(p_good, real.squats.scores.label, real.squats.group)
        measured |= {
            f"real people left out, {view.replace('_', ' ')}": _of(fitted, real.scores(rows), p_good[rows])
            for view, rows in real.views().items()
        }
    data_folder = expanded(config.paths.data, "paths.data")
    for name, source in others.items():
        images = load_images(source, choices.pose, fitted.skeleton, data_folder)
        measured[f"{images.source}, {name}"] = _measured(fitted, judge(raw, images))
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
    fitted = candidate.model_of(runs[0], str(config.name))
    scores = candidate.scores_of(runs[0])
    if not scores:
        raise UserError(
            f"runs: {runs[0].run_id} kept no weights that its test figures are of; train it anew with "
            f"python src/train.py from={runs[0].run_id}"
        )
    measured = {part: _measured(fitted, unmeasured(found)) for part, found in scores.items()}
    raw, data_folder = replace(fitted, temperature=1.0), expanded(config.paths.data, "paths.data")
    for name, source in build_sources(config).items():
        images = load_images(source, runs[0].choices.pose, fitted.skeleton, data_folder)
        measured[f"{images.source}, {name}"] = _measured(fitted, judge(raw, images))
    _keep(config, store, fitted, labelled_card(fitted, measured), measured)


def _folder(config: DictConfig) -> Path:
    """That the model goes into."""
    if config.folder is not None:
        return expanded(config.folder, "folder")
    return expanded(config.paths.data, "paths.data") / champion.PROMOTED


def _keep(
    config: DictConfig,
    store: tracking.Store,
    model: Champion,
    text: str,
    measured: Mapping[str, "Measured"],
) -> Path:
    """Writes the model and its card, says how good it is, registers it with its first run; and where."""
    folder = _folder(config)
    champion.write(folder, model)
    with written_whole(folder / "README.md") as temporary:
        temporary.write_text(text, encoding="utf-8")
    _write_told(folder, {name: found.told for name, found in measured.items()})
    for name, found in measured.items():
        said = {
            "AUC": f"{found.auc:.3f}",
            "less a reference": f"{found.auc_with_reference:.3f}",
            "balanced": f"{found.balanced_accuracy:.1%}",
            "beside a reference": f"{found.balanced_with_reference:.1%}",
            "calibration error": f"{found.calibration_error:.3f}",
            "camera off by": f"{found.yaw_error:.0f} degrees",
        }
        known = [f"{word} {value}" for word, value in said.items() if "nan" not in value]
        print(f"{name}: {found.squats} squats, {', '.join(known)}")
    first = model.made_of["runs"][0]
    registered = store.register(first, folder, model.name, _ALIAS)
    print(f"Model in {folder}{registered and ', and in MLflow as '}{registered}")
    return folder


def _write_told(folder: Path, curves: Mapping[str, Sequence[Told]]) -> None:
    """told.csv, and told.png where pictures can be made: what src/predict.py's margin costs and gains."""
    with written_whole(folder / "told.csv") as temporary, temporary.open("w", newline="") as file:
        csv.writer(file).writerows([("source", "margin", "told", "right"), *rows(curves)])
    if not pictures.can_draw():
        return
    made, axes = pictures.figure()
    for name, points in curves.items():
        axes[0, 0].plot([one.told for one in points], [one.right for one in points], label=name)
    axes[0, 0].set(xlabel="squats that are told", ylabel="of these, right", title="Told and right")
    axes[0, 0].legend(fontsize=7)
    pictures.write(made, folder / "told.png")


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


def _made_up(data: Any) -> MadeUpJoints | None:
    """The made-up people that a run learned from, alone or beside others; None where there are none."""
    sources = [source for _, source in data.of] if isinstance(data, Joined) else [data]
    return next((source for source in sources if isinstance(source, MadeUpJoints)), None)


def _made_of(runs: Sequence[candidate.Trained], real: LeftOut | None) -> dict[str, Any]:
    code, _ = provenance.code_tags()
    choices = runs[0].choices
    drawn = _made_up(choices.data)
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


def _held_out(config: DictConfig, choices: Choices, frames: FrameChoice) -> Images:
    told: dict[str, Any] = OmegaConf.to_container(config.held_out, resolve=True)  # type: ignore[assignment]
    source = replace(choices.data, **told, frames=frames)
    table, _ = source.landmark_table_and_drops()
    return draw_images(table, "", "joints", choices.skeleton)


def _standards(config: DictConfig) -> dict[str, dict[str, float]]:
    found = OmegaConf.to_container(config.standards, resolve=True)
    assert isinstance(found, dict)
    if "usual" not in found:
        raise UserError("standards: one must be called usual, the standard that the runs learned")
    return {str(name): dict(values or {}) for name, values in found.items()}


def _fitted(
    model: Champion,
    held_out: Judged,
    standards: Mapping[str, Mapping[str, float]],
    real: LeftOut | None,
) -> Champion:
    """With a temperature, and thresholds that judge the squats best under each standard's limits.

    With real squats also a shift, for made-up people are better than real ones that are called good: a half
    is then where the usual standard begins, and from there the others' as far as among made-up people.
    """
    scores = held_out.scores
    warm, shift, begun = temperature(scores.score, scores.label), 0.0, 0.0
    if real is not None:
        slope, offset = calibrated(real.squats.scores, scores)
        warm, shift = 1 / slope, -offset
        begun = boundary(scores.score, scores.label) / warm
    learned = getattr(model.target, "limits", Limits())
    found = {}
    for name, values in standards.items():
        try:
            limits = replace(learned, **values)
        except TypeError as error:
            raise UserError(f"standards.{name}: {error}; see deepsquat.measures.Limits") from error
        good = ~faulty(Measures(*held_out.measures.astype(float).T), limits).any(axis=1)
        logit = boundary(scores.score, good.astype(int)) / warm - begun
        found[name] = Standard(limits, 1 / (1 + float(np.exp(-logit))))
    return replace(
        model,
        temperature=warm,
        shift=shift,
        threshold=found["usual"].threshold,
        standards=found,
        comparison=_comparison(scores, warm),
    )


def _comparison(scores: Scores, warm: float) -> Comparison:
    """Where good begins beside another good squat of the same person. warm: the temperature of the model."""
    pairs = less_a_reference(scores)
    apart, label = pairs.score / warm, pairs.label
    begins = boundary(apart, label)
    return Comparison(begins, temperature(apart - begins, label))


_Table = dict[str, dict[str, dict[str, float]]]


def _read_off(model: Champion, config: DictConfig, choices: Choices) -> tuple[_Table, _Table]:
    """By measure and view, of made-up people: percentiles of what is read of good squats, and errors of all.

    Empty where the network reads nothing.
    """
    if not isinstance(model.target, Form):
        return {}, {}
    quantiles: _Table = {name: {} for name in OF_BODY}
    errors: _Table = {name: {} for name in OF_BODY}
    off_yaw = []
    for view, (low, high) in VIEWS.items():
        found, true, good = [], [], []
        for yaw in ((low, high), (-high, -low)):
            seen = replace(choices.data, view=replace(choices.data.view, yaw=yaw))
            images = _held_out(config, replace(choices, data=seen), FrameChoice(0))
            outputs = model.outputs(torch.from_numpy(images.images))
            found.append(model.target.read(outputs)[1].numpy())
            true.append(images.measures)
            good.append(images.label == 1)
        read, known, well = np.concatenate(found), np.concatenate(true), np.concatenate(good)
        off_yaw.append(_off(read[:, -1], known[:, -1]))
        percentiles = np.percentile(read[well], _PERCENTILES, axis=0)
        for i, name in enumerate(OF_BODY):
            values = zip(_PERCENTILES, percentiles[:, i], strict=True)
            quantiles[name][view] = {str(p): round(float(v), 4) for p, v in values}
            missed = float(np.mean((read[:, i] - known[:, i]) ** 2))
            explained = 1 - missed / float(np.var(known[:, i]))
            errors[name][view] = {"error": round(missed**0.5, 4), "explained": round(explained, 3)}
    errors["yaw"] = {"all": {"error": round(float(np.median(np.concatenate(off_yaw))), 1)}}
    return quantiles, errors


def _said(model: Champion, scores: Scores) -> Said:
    return Said(probabilities(scores.score / model.temperature - model.shift), scores.label, scores.subject)


def _balanced_with_reference(model: Champion, scores: Scores) -> float:
    """NaN where no subject has a good squat and another one, of either label."""
    pairs = less_a_reference(scores)
    if model.comparison is None or set(pairs.label) != {0, 1}:
        return float("nan")
    return balanced_accuracy(pairs.label, pairs.score / model.temperature >= model.comparison.begins)


def _off(yaw: np.ndarray, true: np.ndarray) -> np.ndarray:
    """By how many degrees."""
    return np.asarray(np.abs((yaw - true + 180) % 360 - 180))


def _measured(model: Champion, judged: Judged) -> Measured:
    found = _of(model, judged.scores, _said(model, judged.scores).p_good)
    return replace(found, yaw_error=float(np.median(_off(judged.yaw, judged.measures[:, -1]))))


def _of(model: Champion, scores: Scores, p_good: np.ndarray) -> Measured:
    """Of squats whose probabilities are known."""
    return Measured(
        squats=len(p_good),
        auc=auc(scores.label, scores.score),
        auc_with_reference=with_reference(scores)[1],
        balanced_accuracy=balanced_accuracy(scores.label, p_good >= model.threshold),
        balanced_with_reference=_balanced_with_reference(model, scores),
        calibration_error=calibration_error(p_good, scores.label),
        yaw_error=float("nan"),
        told=tuple(curve(p_good, scores.label, model.threshold)),
    )
