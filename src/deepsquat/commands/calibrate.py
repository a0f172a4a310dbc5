"""src/calibrate.py: what a model calls good, set by a few labelled squats."""

import json
from dataclasses import replace

import numpy as np
from omegaconf import DictConfig, OmegaConf

from deepsquat import champion
from deepsquat.commands.options import build
from deepsquat.commands.weights import load_weights
from deepsquat.errors import UserError
from deepsquat.evaluation.judged import judge
from deepsquat.evaluation.scores import auc, balanced_accuracy
from deepsquat.evaluation.standard import own_standard
from deepsquat.files import expanded, with_checksum, written_whole
from deepsquat.images import load_images

FEWEST = 4  # labelled squats


def calibrate(config: DictConfig) -> None:
    """Writes the standard, and says what it changes.

    Raises:
        UserError: no file is named, or there are too few labelled squats, or of one label alone.
    """
    if OmegaConf.is_missing(config, "standard"):
        raise UserError("standard: name the file to write, as in standard=mine.json")
    out = expanded(config.standard, "standard")
    if out.suffix != ".json" or out.is_dir():
        raise UserError(f"standard={config.standard}: must be a file to write, whose name ends in .json")
    if type(config.seed) is not int or config.seed < 0:
        raise UserError(f"seed must be a whole number from 0 on, got {config.seed}")
    source, pose = build(config, "data"), build(config, "pose")
    model = load_weights(config)
    if not hasattr(source, "frames"):
        raise UserError("data: squats that can be drawn as the model wants are needed; give data=videos")
    source = replace(source, frames=model.frames)
    images = load_images(source, pose, model.skeleton, expanded(config.paths.data, "paths.data"))
    labelled = images.label >= 0
    n, skipped = len(np.unique(images.squat[labelled])), len(np.unique(images.squat[~labelled]))
    if skipped:
        print(f"{skipped} squats have no label and are left out")
    if n < FEWEST or len(np.unique(images.label[labelled])) < 2:
        raise UserError(f"data: label {FEWEST} squats or more, good ones and bad ones; {n} are labelled")
    scores = judge(model, images).scores
    own = float(np.log(model.threshold / (1 - model.threshold)))
    found = own_standard(scores, own, config.seed)
    low, begins, high = found.boundary
    known = {
        "model": champion.digest(model),
        "temperature": model.temperature * found.temperature,
        "shift": (model.shift + begins) / found.temperature,
        "begins_at": {"p_good": _probability(begins), "interval": [_probability(low), _probability(high)]},
        "squats": n,
        "data": str(images.fingerprint),
    }
    with written_whole(out) as temporary:
        temporary.write_text(json.dumps(with_checksum(known), indent=1) + "\n", encoding="utf-8")
    before, after = (balanced_accuracy(scores.label, scores.score >= logit) for logit in (own, begins))
    print(
        f"{n} squats, area under the ROC curve {auc(scores.label, scores.score):.3f}\n"
        f"Good begins at what the model called {_probability(begins):.0%} "
        f"({_probability(low):.0%} to {_probability(high):.0%}, 95 % interval); its own standard "
        f"begins at {model.threshold:.0%}\n"
        f"Right on these very squats, which flatters it: {after:.0%}, before {before:.0%}; "
        "both labels counted alike\n"
        f"Written to {out}; judge by it: python src/predict.py VIDEO standard={out}"
    )


def _probability(logit: float) -> float:
    return float(1 / (1 + np.exp(-logit)))
