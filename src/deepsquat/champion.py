"""The model that is shipped: its weights, and in one JSON file all that a squat is judged with.

FOLDER/weights.pt     the network's state_dict, which torch reads with weights_only=True
FOLDER/model.json     the rest: `Champion` names it, and `write` says in what form
"""

import hashlib
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, is_dataclass, replace
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
import torch
from torch import Tensor, nn

from deepsquat.data.squats import FrameChoice
from deepsquat.errors import UserError
from deepsquat.files import expanded, without_checksum, written_whole
from deepsquat.measures import Limits
from deepsquat.skeleton import Style
from deepsquat.trainer.forward import forward
from deepsquat.trainer.target import Target
from deepsquat.trust import named, reason

FORMAT = 1
FOLDER = Path(__file__).resolve().parents[2] / "data" / "models" / "champion"  # in the repository
PROMOTED = "promoted"  # in the data folder; it goes before the one that is shipped
WEIGHTS, MODEL = "weights.pt", "model.json"
_BEFORE = "weights.before.pt"  # while another model is written
_LARGEST = 2 * 2**20  # bytes of weights: they lie in the repository
_CLIP = 1e-6  # of a probability, before its logit


@dataclass(frozen=True)
class Standard:
    """What is asked of a good squat, and the probability of good form from which a squat meets it."""

    limits: Limits
    threshold: float


@dataclass(frozen=True)
class Comparison:
    """How a squat is judged beside one of the same person that is known to be good.

    It is good from `begins` on, its logit less that of the other, and `temperature` divides what is beyond.
    """

    begins: float
    temperature: float


@dataclass(frozen=True)
class Champion:
    """A network in eval mode on the CPU, and how it is used."""

    name: str
    network: nn.Module
    built_by: Mapping[str, Any]  # `_target_`, the network's class, and its arguments
    target: Target  # what its outputs mean
    skeleton: Style  # how its images are drawn
    frames: FrameChoice  # those around the bottom of a squat whose logits are averaged
    temperature: float  # by which a logit is divided
    threshold: float  # a squat is good from this probability on, after the temperature
    standards: Mapping[str, Standard] = field(default_factory=dict)
    views: Mapping[str, tuple[float, float]] = field(default_factory=dict)  # what it was trained on: yaw
    # Of good squats as the network reads them, by measure, view and percentile; empty where it reads none.
    quantiles: Mapping[str, Mapping[str, Mapping[str, float]]] = field(default_factory=dict)
    # By measure and view: `error`, the root mean square of what is read less what is true, and `explained`,
    # the share of the true measure's variance that is read. Of the yaw, the median error over all views.
    errors: Mapping[str, Mapping[str, Mapping[str, float]]] = field(default_factory=dict)
    made_of: Mapping[str, Any] = field(default_factory=dict)  # data, run, commit
    comparison: Comparison | None = None
    standard: str = "usual"  # by which it judges: one of `standards`, or the file of somebody's own
    shift: float = 0.0  # what is taken from a logit after the temperature
    needs_a_fault: bool = True  # to call a squat bad; not beside a good one of the same person

    @property
    def limits(self) -> Limits | None:
        """Of the standard that it judges by, or where that has none, of the usual one."""
        found = self.standards.get(self.standard) or self.standards.get("usual")
        return found.limits if found else None

    def outputs(self, images: Tensor) -> Tensor:
        """What the network says (B, outputs) of images (B, H, W, 3) uint8, drawn as `skeleton` says."""
        with torch.inference_mode():
            return forward(self.network, images.permute(0, 3, 1, 2))

    def logits(self, outputs: Tensor) -> Tensor:
        """(B, outputs) to the logit (B,) of good form of each image, after temperature and shift."""
        p_good = self.target.p_good(outputs).double()
        return p_good.clamp(_CLIP, 1 - _CLIP).logit() / self.temperature - self.shift

    def p_good(self, outputs: Tensor) -> float:
        """The probability of good form of one squat, from the outputs (B, outputs) for its images."""
        return float(self.logits(outputs).mean().sigmoid())


def held_to(champion: Champion, standard: str) -> Champion:
    """The champion that judges by another standard: one of its own, or a file that src/calibrate.py wrote.

    Raises:
        UserError: there is no such standard, or its file is of another model, or damaged.
    """
    if standard in champion.standards:
        return replace(champion, threshold=champion.standards[standard].threshold, standard=standard)
    if standard == champion.standard:
        return champion
    path = expanded(standard, "standard")
    if not path.is_file():
        names = ", ".join(champion.standards or (champion.standard,))
        raise UserError(f"standard={standard}: must be one of {names}, or a file from src/calibrate.py")
    try:
        known = without_checksum(json.loads(path.read_text(encoding="utf-8")))
        of, warm, shift = known["model"], float(known["temperature"]), float(known["shift"])
        if not (warm > 0 and math.isfinite(warm) and math.isfinite(shift)):
            raise ValueError("no temperature or shift")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, UserError) as error:
        raise UserError(f"{path}: is damaged, or no file of src/calibrate.py; write it anew") from error
    if of != digest(champion):
        raise UserError(f"{path}: was set for another model; run src/calibrate.py again with this one")
    return replace(champion, threshold=0.5, temperature=warm, shift=shift, standard=str(path))


def compared_to(champion: Champion, logits: Sequence[float]) -> Champion:
    """The champion that judges one person, some of whose good squats it gives these logits.

    Raises:
        UserError: it was never set to compare.
    """
    if champion.comparison is None:
        raise UserError(
            f"reference: the model {champion.name} cannot compare, as none that learned from labels can; "
            "take weights=shipped"
        )
    name = "good squats of this person"
    standards = dict(champion.standards)
    if champion.limits is not None:  # the faults are those of the standard that was in force
        standards[name] = Standard(champion.limits, 0.5)
    own, warm = float(np.mean(logits)) + champion.shift, champion.comparison.temperature
    return replace(
        champion,
        threshold=0.5,
        temperature=champion.temperature * warm,
        shift=(own + champion.comparison.begins) / warm,
        standard=name,
        standards=standards,
        needs_a_fault=False,
    )


def digest(champion: Champion) -> str:
    """sha256 of a network's weights and of what its outputs mean."""
    found = hashlib.sha256(repr(champion.target).encode())
    for name, value in champion.network.state_dict().items():
        found.update(name.encode() + value.cpu().numpy().tobytes())
    return found.hexdigest()


def refuse_large(folder: Path, size: int) -> None:
    """size: bytes of weights.

    Raises:
        UserError: they are too many for the model that is shipped, and the folder is its.
    """
    if size > _LARGEST and folder.resolve() == FOLDER:
        raise UserError(
            f"{folder}: {size:,} bytes of weights; a champion has {_LARGEST:,} at most; take another folder"
        )


def write(folder: Path, champion: Champion) -> None:
    """Writes weights.pt and model.json; the JSON last, which names the weights' sha256.

    Raises:
        UserError: the weights are too large to be shipped, or the folder cannot be written.
    """
    content = io.BytesIO()
    torch.save({name: value.cpu() for name, value in champion.network.state_dict().items()}, content)
    weights = content.getvalue()
    refuse_large(folder, len(weights))
    known = {
        "format": FORMAT,
        "name": champion.name,
        "network": dict(champion.built_by),
        "target": _with_target(champion.target),
        "skeleton": asdict(champion.skeleton),
        "frames": asdict(champion.frames),
        "temperature": champion.temperature,
        "shift": champion.shift,
        "threshold": champion.threshold,
        "standards": {
            name: {**asdict(standard.limits), "threshold": standard.threshold}
            for name, standard in champion.standards.items()
        },
        "comparison": None if champion.comparison is None else asdict(champion.comparison),
        "quantiles": champion.quantiles,
        "errors": champion.errors,
        "views": {name: list(limits) for name, limits in champion.views.items()},
        "made_of": dict(champion.made_of),
        "weights_sha256": hashlib.sha256(weights).hexdigest(),
    }
    _keep_named(folder)
    with written_whole(folder / WEIGHTS) as temporary:
        temporary.write_bytes(weights)
    with written_whole(folder / MODEL) as temporary:
        temporary.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
    (folder / _BEFORE).unlink(missing_ok=True)


def _keep_named(folder: Path) -> None:
    """A copy of the weights that model.json names, until it names others."""
    try:
        known = json.loads((folder / MODEL).read_text(encoding="utf-8"))
        weights = (folder / WEIGHTS).read_bytes()
    except (OSError, ValueError):
        return
    if isinstance(known, dict) and _is_named(weights, known):
        with written_whole(folder / _BEFORE) as temporary:
            temporary.write_bytes(weights)


def load(folder: Path = FOLDER) -> Champion:
    """Reads what `write` wrote.

    Raises:
        UserError: a file is not there or damaged, the weights are others, or a newer version wrote them.
    """
    path = folder / MODEL
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
        weights = (folder / WEIGHTS).read_bytes()
    except OSError as error:
        raise UserError(
            f"{error.filename}: cannot be read ({error.strerror}); it is a model's file"
        ) from error
    except ValueError as error:
        raise UserError(f"{path}: is damaged; put the model's files there anew") from error
    if not isinstance(known, dict) or known.get("format") != FORMAT:
        raise UserError(f"{path}: is no model of format {FORMAT}, the one that this version reads")
    if not _is_named(weights, known) and (folder / _BEFORE).is_file():  # another one was being written
        weights = (folder / _BEFORE).read_bytes()
    if not _is_named(weights, known):
        raise UserError(f"{folder / WEIGHTS}: are not the weights that {MODEL} names; put both there anew")
    try:
        return _champion(known, weights)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    except Exception as error:  # whatever a value of somebody's file leads to
        raise UserError(
            f"{path}: cannot be used ({reason(error)}); put the model's files there anew"
        ) from error


def _is_named(weights: bytes, known: Mapping[str, Any]) -> bool:
    return hashlib.sha256(weights).hexdigest() == known.get("weights_sha256")


def _champion(known: dict[str, Any], weights: bytes) -> Champion:
    built_by = known["network"]
    arguments = {key: value for key, value in built_by.items() if key != "_target_"}
    cls = named(built_by["_target_"], "network._target_")
    if not (isinstance(cls, type) and issubclass(cls, nn.Module)):  # anything else would be called by a file
        raise UserError(f"network._target_={built_by['_target_']} is no torch.nn.Module")
    network: nn.Module = cls(**arguments)
    network.load_state_dict(torch.load(io.BytesIO(weights), weights_only=True, map_location="cpu"))
    target = known["target"]
    return Champion(
        name=known["name"],
        network=network.eval(),
        built_by=built_by,
        target=_filled(_options(target["_target_"]), target),
        skeleton=_filled(Style, known["skeleton"]),
        frames=_filled(FrameChoice, known["frames"]),
        temperature=float(known["temperature"]),
        shift=float(known.get("shift", 0.0)),  # which earlier models have not
        threshold=float(known["threshold"]),
        standards={
            name: Standard(
                _filled(Limits, {key: value for key, value in values.items() if key != "threshold"}),
                float(values["threshold"]),
            )
            for name, values in known["standards"].items()
        },
        views={name: tuple(limits) for name, limits in known["views"].items()},
        comparison=_filled(Comparison, known["comparison"]) if known.get("comparison") else None,
        quantiles=known.get("quantiles", {}),
        errors=known.get("errors", {}),
        made_of=known["made_of"],
    )


def _options(name: str) -> Any:
    cls = named(name, "target._target_")
    if not (isinstance(cls, type) and is_dataclass(cls)):
        raise UserError(f"target._target_={name} is no dataclass of options")
    return cls


def _with_target(options: Any) -> dict[str, Any]:
    cls = type(options)
    return {"_target_": f"{cls.__module__}.{cls.__qualname__}", **asdict(options)}


def _filled(cls: Any, values: Mapping[str, Any]) -> Any:
    """A dataclass of options from what asdict made of it, dataclasses within it too."""
    hints = get_type_hints(cls)
    told = {key: value for key, value in values.items() if key != "_target_"}
    for key, value in told.items():
        if is_dataclass(hints[key]) and isinstance(value, dict):
            told[key] = _filled(hints[key], value)
    return cls(**told)
