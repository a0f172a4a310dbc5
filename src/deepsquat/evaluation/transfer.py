"""A finished network on squats of other sources than it was trained on: nothing is fitted on them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from deepsquat.augment import Augment
from deepsquat.errors import UserError
from deepsquat.evaluation.scores import Scores, auc, balanced_accuracy, with_reference
from deepsquat.images import Images
from deepsquat.trainer.batches import Part, items_of, pixels_on
from deepsquat.trainer.target import Batch

MEASURED = ("auc", "balanced_accuracy", "auc_with_reference")
_CLIP = 1e-6  # of a probability, before its logit


@dataclass(frozen=True)
class Elsewhere:
    """What is said of the labelled squats of one source. Values are NaN where they cannot be had."""

    squats: int
    subjects: int
    auc: float
    balanced_accuracy: float  # at a probability of a half, the standard of the data it was trained on
    auc_without: float  # of the squats that are no reference, as they are
    auc_with_reference: float  # of the same squats, less the score of one good squat of the same subject


def metric_names(sources: Iterable[str]) -> list[str]:
    """Under which the results are logged."""
    return [f"transfer/{name}/{measured}" for name in sources for measured in MEASURED]


def refuse_unlabelled(sources: Mapping[str, Images]) -> None:
    """
    Raises:
        UserError: a source has not both labels.
    """
    for name, images in sources.items():
        if {item.label for item in items_of(images)} != {0, 1}:
            raise UserError(f"evaluation.on.{name}: there must be squats with label 1 and with label 0 in it")


def tested(
    sources: Mapping[str, Images],
    p_good: Callable[[Batch], Tensor],
    device: torch.device,
    batch_size: int,
) -> dict[str, Elsewhere]:
    """Each source's results. p_good: probabilities (B,) of a batch's images."""
    found = {}
    for name, images in sources.items():
        part = Part(images, pixels_on(device, images, Augment()), items_of(images), batch_size)
        with torch.inference_mode():
            said = torch.cat([p_good(batch) for batch in part]).cpu().double()
        found[name] = _judged(_per_squat(part, said.clamp(_CLIP, 1 - _CLIP).logit().numpy()))
    return found


def _per_squat(part: Part, logits: np.ndarray) -> Scores:
    """A squat's score is the mean of its images' logits."""
    number = part.squat.numpy()
    score = np.bincount(number, logits) / np.bincount(number)
    return Scores(
        score,
        np.array([item.label for item in part.squats]),
        np.array([item.subject for item in part.squats]),
        np.array([item.reference for item in part.squats]),
    )


def _judged(scores: Scores) -> Elsewhere:
    without, reference = with_reference(scores)
    label, score = scores.label[~scores.reference], scores.score[~scores.reference]
    return Elsewhere(
        squats=len(label),
        subjects=len(set(scores.subject) - {""}),
        auc=auc(label, score),
        balanced_accuracy=balanced_accuracy(label, score > 0),
        auc_without=without,
        auc_with_reference=reference,
    )


def metrics_of(found: Mapping[str, Elsewhere]) -> dict[str, float]:
    """Under the names of the run, without those that could not be had."""
    all_values = {
        f"transfer/{name}/{measured}": getattr(result, measured)
        for name, result in found.items()
        for measured in MEASURED
    }
    return {name: value for name, value in all_values.items() if not np.isnan(value)}


def lines(found: Mapping[str, Elsewhere]) -> list[str]:
    """A table for the terminal; empty where nothing was tested."""
    if not found:
        return []
    wide = max(len(name) for name in found)
    head = f"{'on others':{wide}}{'squats':>8}{'AUC':>8}{'balanced':>10}{'AUC less a reference':>22}"
    rows = [
        f"{name:{wide}}{result.squats:8}{result.auc:8.3f}{result.balanced_accuracy:10.1%}"
        + (
            f"{result.auc_with_reference:22.3f} ({result.auc_without:.3f} without)"
            if not np.isnan(result.auc_with_reference)
            else f"{'–':>22}"
        )
        for name, result in found.items()
    ]
    return [head, *rows]
