"""A model as ONNX says what it says in torch. Where its packages, an extra, are not, this is skipped."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from deepsquat import champion, onnx_file
from deepsquat.champion import Champion
from deepsquat.data.squats import FrameChoice
from deepsquat.errors import UserError
from deepsquat.model.convnet import ConvNet
from deepsquat.model.efficientnet_lite0 import EfficientNetLite0
from deepsquat.model.mlp import MLP
from deepsquat.model.resnet import ResNet
from deepsquat.skeleton import Style
from deepsquat.trainer.target import GoodOrBad


def made(network: nn.Module) -> Champion:
    style, frames = Style(48, 27, 1), FrameChoice(1)
    return Champion(
        "small", network.eval(), {}, GoodOrBad(), style, frames, 2.0, 0.6, made_of={"runs": ["a"]}
    )


def said(path: Path, images: np.ndarray) -> np.ndarray:
    import onnxruntime

    return onnxruntime.InferenceSession(path).run(["outputs"], {"images": images})[0]


@pytest.mark.parametrize(
    "network", [ConvNet(48, 27, 1), MLP(), ResNet(), EfficientNetLite0(48, 27, False), "shipped"]
)
def test_it_says_what_torch_says(network: nn.Module | str, tmp_path: Path) -> None:
    """The shipped model, among them, is the mean of three networks that read faults."""
    for package in onnx_file.PACKAGES:
        pytest.importorskip(package)
    model = made(network) if isinstance(network, nn.Module) else champion.load()
    path = tmp_path / "x.onnx"
    assert onnx_file.write(path, model) < 0.01
    shape = model.target.shape(model.skeleton.height, model.skeleton.width)
    images = np.random.default_rng(3).integers(0, 256, (4, *shape)).astype(np.float32)
    with torch.inference_mode():
        expected = model.network(torch.from_numpy(images)).numpy()
    np.testing.assert_allclose(said(path, images), expected, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(said(path, images[:1]), expected[:1], rtol=1e-3, atol=1e-4)
    import onnx

    known = {p.key: p.value for p in onnx.load(path).metadata_props}
    assert known == onnx_file.metadata(model)


def test_the_metadata_says_what_goes_in_and_comes_out() -> None:
    told = onnx_file.metadata(made(ConvNet(48, 27, 1)))
    assert told["deepsquat.input"].startswith(
        "images (n, 3, 48, 27) float32, red, green, blue, values 0 to 255"
    )
    assert json.loads(told["deepsquat.output"])["names"] == ["bad", "good"]
    assert json.loads(told["deepsquat.limbs"])[0][:2] == ["head", "neck"]
    assert json.loads(told["deepsquat.threshold"]) == 0.6


def test_the_probability_that_the_metadata_states_is_the_models() -> None:
    """Of the shipped model's faults, worked out by hand."""
    model = champion.load()
    told = json.loads(onnx_file.metadata(model)["deepsquat.output"])
    known = {"sigmoid": lambda x: 1 / (1 + np.exp(-x)), "min": min, "max": max}
    for top in (-1.0, 1.0):  # by the sum of some faults, and by the plainest
        outputs = torch.linspace(-2, top, len(told["names"]))[None]
        values = dict(zip(told["names"], outputs[0].tolist(), strict=True))
        stated = eval(told["p_good"], known, values)  # of our own file
        assert stated == pytest.approx(float(model.target.p_good(outputs)), abs=1e-5)
        measures = model.target.read(outputs)[1][0, :-1].tolist()
        stated = [told["mean"][name] + told["spread"][name] * values[name] for name in told["mean"]]
        assert stated == pytest.approx(measures, abs=1e-4)


class Strange(nn.Module):
    """Another thing each time it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def forward(self, images: Tensor) -> Tensor:
        self.asked += 1
        return images.mean(dim=(2, 3))[:, :2] * self.asked


def test_one_that_says_something_else_is_not_written(tmp_path: Path) -> None:
    for package in onnx_file.PACKAGES:
        pytest.importorskip(package)
    with pytest.raises(UserError, match="Strange says something else as ONNX") as caught:
        onnx_file.write(tmp_path / "x.onnx", replace(made(nn.Identity()), network=Strange()))
    assert "\n" not in str(caught.value) and not list(tmp_path.iterdir())


def test_a_missing_package_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_file, "find_spec", lambda name: None if name == "onnxscript" else object())
    with pytest.raises(
        UserError, match="ONNX needs onnxscript, not installed here: pip install onnx onnxscript"
    ):
        onnx_file.refuse_missing()
