"""What a model of made-up people is fitted with: temperature, standards, and what good squats have."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from omegaconf import DictConfig, OmegaConf

from deepsquat.champion import Champion, Comparison, Standard
from deepsquat.commands.left_out import LeftOut, calibrated
from deepsquat.commands.quality import off
from deepsquat.data.squats import FrameChoice
from deepsquat.errors import UserError
from deepsquat.evaluation.calibration import boundary, temperature
from deepsquat.evaluation.judged import Judged
from deepsquat.evaluation.scores import Scores, less_a_reference
from deepsquat.images import Images, draw_images
from deepsquat.measures import OF_BODY, VIEWS, Limits, Measures, faulty
from deepsquat.runs.choices import Choices
from deepsquat.trainer.form import Form

_PERCENTILES = (5, 25, 50, 75, 95)


def held_out(config: DictConfig, choices: Choices, frames: FrameChoice) -> Images:
    """Images of made-up people whom no run has seen."""
    told: dict[str, Any] = OmegaConf.to_container(config.held_out, resolve=True)  # type: ignore[assignment]
    source = replace(choices.data, **told, frames=frames)
    table, _ = source.landmark_table_and_drops()
    return draw_images(table, "", "joints", choices.skeleton)


def standards(config: DictConfig) -> dict[str, dict[str, float]]:
    """By name, the limits in which a standard differs from the one that the runs learned.

    Raises:
        UserError: none is called usual.
    """
    found = OmegaConf.to_container(config.standards, resolve=True)
    assert isinstance(found, dict)
    if "usual" not in found:
        raise UserError("standards: one must be called usual, the standard that the runs learned")
    return {str(name): dict(values or {}) for name, values in found.items()}


def fitted(
    model: Champion,
    squats: Judged,
    own_limits: Mapping[str, Mapping[str, float]],
    real: LeftOut | None,
) -> Champion:
    """With a temperature, and thresholds that judge the squats best under each standard's limits.

    With real squats also a shift, for made-up people are better than real ones that are called good: a half
    is then where the usual standard begins, and from there the others' as far as among made-up people.

    squats: of made-up people. own_limits: as `standards` gives them.
    """
    scores = squats.scores
    warm, shift, begun = temperature(scores.score, scores.label), 0.0, 0.0
    if real is not None:
        slope, offset = calibrated(real.squats.scores, scores)
        warm, shift = 1 / slope, -offset
        begun = _begins(scores.score, scores.label) / warm
    learned = getattr(model.target, "limits", Limits())
    found = {}
    for name, values in own_limits.items():
        try:
            limits = replace(learned, **values)
        except TypeError as error:
            raise UserError(f"standards.{name}: {error}; see deepsquat.measures.Limits") from error
        good = ~faulty(Measures(*squats.measures.astype(float).T), limits).any(axis=1)
        logit = _begins(scores.score, good.astype(int)) / warm - begun
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
    begins = _begins(apart, label)
    return Comparison(begins, temperature(apart - begins, label))


def _begins(logits: np.ndarray, label: np.ndarray) -> float:
    """Where good begins; 0 where a higher logit speaks against good, since no boundary is better then."""
    found = boundary(logits, label)
    return 0.0 if found is None else found


_Table = dict[str, dict[str, dict[str, float]]]


def read_off(model: Champion, config: DictConfig, choices: Choices) -> tuple[_Table, _Table]:
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
            images = held_out(config, replace(choices, data=seen), FrameChoice(0))
            outputs = model.outputs(torch.from_numpy(images.images))
            found.append(model.target.read(outputs)[1].numpy())
            true.append(images.measures)
            good.append(images.label == 1)
        read, known, well = np.concatenate(found), np.concatenate(true), np.concatenate(good)
        off_yaw.append(off(read[:, -1], known[:, -1]))
        percentiles = np.percentile(read[well], _PERCENTILES, axis=0)
        for i, name in enumerate(OF_BODY):
            values = zip(_PERCENTILES, percentiles[:, i], strict=True)
            quantiles[name][view] = {str(p): round(float(v), 4) for p, v in values}
            missed = float(np.mean((read[:, i] - known[:, i]) ** 2))
            explained = 1 - missed / float(np.var(known[:, i]))
            errors[name][view] = {"error": round(missed**0.5, 4), "explained": round(explained, 3)}
    errors["yaw"] = {"all": {"error": round(float(np.median(np.concatenate(off_yaw))), 1)}}
    return quantiles, errors
