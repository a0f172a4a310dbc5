"""A model as one ONNX file, which says of itself what goes in and what comes out."""

import json
import logging
import warnings
from collections.abc import Mapping
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch

from deepsquat.champion import Champion
from deepsquat.errors import UserError
from deepsquat.files import written_whole
from deepsquat.landmarks import NAMES
from deepsquat.measures import FAULTS, OF_BODY
from deepsquat.skeleton import COLOURS, HEAD, LEGS, LIMBS, NECK, PELVIS, Style
from deepsquat.trainer.form import Form
from deepsquat.trainer.forward import forward
from deepsquat.trainer.target import GoodOrBad, Target

FORMAT = 1  # of the metadata
PACKAGES = ("onnx", "onnxscript", "onnxruntime")
_CHECKED = (1, 2, 7)  # images at once
_ABSOLUTE, _RELATIVE = 1e-4, 1e-3  # what other sums in float32 may make of an output
_MIDDLES = {NECK: "neck", HEAD: "head", PELVIS: "pelvis"}


def refuse_missing() -> None:
    """
    Raises:
        UserError: a package is not installed.
    """
    if missing := [name for name in PACKAGES if find_spec(name) is None]:
        raise UserError(
            f"ONNX needs {', '.join(missing)}, not installed here: pip install {' '.join(PACKAGES)}"
        )


def write(path: Path, model: Champion) -> float:
    """Writes the network with its metadata, once ONNX Runtime has said of some images what torch says.

    Returns how far apart the two were at most.

    Raises:
        UserError: the network cannot be written as ONNX, or says something else then.
    """
    import onnx

    proto = _exported(model)
    onnx.helper.set_model_props(proto, metadata(model))
    content = proto.SerializeToString()
    farthest = _farthest(content, model)
    with written_whole(path) as temporary:
        temporary.write_bytes(content)
    return farthest


def metadata(model: Champion) -> dict[str, str]:
    """What stands in the file beside the network; values that are no plain text are JSON."""
    told = {
        "deepsquat.format": FORMAT,
        "deepsquat.name": model.name,
        "deepsquat.input": _input(model.skeleton),
        "deepsquat.skeleton": asdict(model.skeleton),
        "deepsquat.limbs": _limbs(model.skeleton),
        "deepsquat.output": _output(model.target),
        "deepsquat.frames": asdict(model.frames),
        "deepsquat.verdict": (
            "a squat's probability of good form is sigmoid(mean over its images of "
            "log(p / (1 - p)) / temperature - shift), p clipped to 1e-6 and 1 - 1e-6; good from threshold on"
        ),
        "deepsquat.temperature": model.temperature,
        "deepsquat.shift": model.shift,
        "deepsquat.threshold": model.threshold,
        "deepsquat.made_of": dict(model.made_of),
    }
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in told.items()}


def _exported(model: Champion) -> Any:
    """The ModelProto, for any number of images."""
    shape = model.target.shape(model.skeleton.height, model.skeleton.width)
    logger = logging.getLogger("torch.onnx")
    before = logger.level
    logger.setLevel(logging.ERROR)  # what it says of packages that are not there
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                model.network,
                (torch.zeros(2, *shape),),
                dynamo=True,
                dynamic_shapes=({0: "n"},),
                input_names=["images"],
                output_names=["outputs"],
                verbose=False,
            )
    except Exception as error:  # whatever somebody's network leads to
        said = " ".join(str(error).split())[:300]
        raise UserError(
            f"{type(model.network).__name__} cannot be written as ONNX ({said}); "
            "use operations that torch.onnx knows"
        ) from error
    finally:
        logger.setLevel(before)
    assert program is not None
    return program.model_proto


def _farthest(content: bytes, model: Champion) -> float:
    """How far ONNX Runtime's outputs are from torch's, over images of noise and of black."""
    import onnxruntime

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    shape = model.target.shape(model.skeleton.height, model.skeleton.width)
    generator = np.random.default_rng(0)
    farthest = 0.0
    for n in _CHECKED:
        images = generator.integers(0, 256, (n, *shape)).astype(np.float32)
        images[n // 2] *= generator.random(shape[1:]) < 0.05  # mostly black, as a skeleton is
        with torch.inference_mode():
            expected = forward(model.network, torch.from_numpy(images)).numpy()
        (found,) = session.run(["outputs"], {"images": images})
        apart = np.abs(found - expected)
        if found.shape != expected.shape or not (apart <= _ABSOLUTE + _RELATIVE * np.abs(expected)).all():
            raise UserError(
                f"{type(model.network).__name__} says something else as ONNX: {apart.max():.2g} apart on {n} "
                "images; nothing was written"
            )
        farthest = max(farthest, float(apart.max()))
    return farthest


def _input(style: Style) -> str:
    whole = "the whole frame is fitted in without distortion and centred"
    body = "the body is centred and scaled to 90 % of the image, by one scale and centre for a squat's images"
    return (
        f"images (n, 3, {style.height}, {style.width}) float32, red, green, blue, values 0 to 255: limbs as "
        f"antialiased lines {style.line_width} pixels wide on black, in the order of deepsquat.limbs; "
        f"{whole if style.framing == 'image' else body}; one image for each of deepsquat.frames"
    )


def _limbs(style: Style) -> list[list[Any]]:
    """Ends and colour of each limb that is drawn; neck, head and pelvis are middles of two landmarks."""

    def name(point: int) -> str:
        return _MIDDLES.get(point) or NAMES[point]

    drawn = [i for i in range(len(LIMBS)) if style.limbs == "all" or i in LEGS]
    return [[name(LIMBS[i][0]), name(LIMBS[i][1]), list(COLOURS[i])] for i in drawn]


def _output(target: Target) -> Mapping[str, Any]:
    if isinstance(target, GoodOrBad):
        return {
            "names": ["bad", "good"],
            "meaning": "logits",
            "p_good": "(sigmoid(good) + 1 - sigmoid(bad)) / 2",
        }
    if isinstance(target, Form):
        zeros, ones = (target.read(torch.full((1, target.outputs), x))[1][0, :-1] for x in (0.0, 1.0))
        together = f"{target.slope:g} * ({target.even:g} - ({' + '.join(target.counted)}))"
        plainest = f"{target.steep:g} * ({target.plain:g} - max({', '.join(FAULTS)}))"
        measured = [f"measured_{name}" for name in OF_BODY]  # one of them is called as a fault is
        return {
            "names": [*FAULTS, *measured, "yaw_cosine", "yaw_sine"],
            "meaning": "how far each fault goes (0 at its limit, 1 plain); measures less mean, over spread; "
            "of the camera's yaw",
            "mean": dict(zip(measured, zeros.tolist(), strict=True)),
            "spread": dict(zip(measured, (ones - zeros).tolist(), strict=True)),
            "p_good": f"sigmoid(min({together}, {plainest}))",
        }
    return {"meaning": f"as {type(target).__module__}.{type(target).__qualname__} reads them"}
