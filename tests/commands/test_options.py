"""Every shipped config composes and builds the dataclasses it names."""

from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf

from deepsquat.commands import run as command
from deepsquat.commands.options import build, build_callbacks, build_network, narrow
from deepsquat.errors import UserError
from deepsquat.model.network import Network
from deepsquat.trainer.target import GoodOrBad
from program import ROOT

GROUPS = ("pose", "skeleton", "split", "augment", "optim", "trainer", "tracking", "target")
OPTIONS = sorted(
    f"{path.parent.name}={path.stem}"
    for path in (ROOT / "conf").glob("*/*.yaml")
    if path.parent.name not in ("hydra", "sweep")
)
NEEDS = {
    "data=videos": "data.root={folder}",
    "data=ui_prmd": "data.root={folder}",
    "data=joined": "data.of=[joints,synthetic]",
    "data=arrays": "data.file=x.npz",
    "model=efficientnet_lite0": "model.pretrained=false",  # its weights are an extra
}


@pytest.fixture(autouse=True)
def resolver() -> None:
    OmegaConf.register_new_resolver("root", lambda: str(ROOT), replace=True)


def composed(*overrides: str):
    with initialize_config_dir(command.CONF, version_base=None):
        return compose("train", overrides=list(overrides))


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_composes_and_builds(option: str, tmp_path: Path) -> None:
    overrides = [option]
    if option in NEEDS:
        overrides.append(NEEDS[option].format(folder=tmp_path))
    config = composed(*overrides)
    built = {group: build(config, group) for group in ("data", *GROUPS)}
    for group in ("optim", "augment"):
        assert type(built[group]).__module__.startswith("deepsquat.")
    style = built["skeleton"]
    assert build_network(config, GoodOrBad(), style.height, style.width).parameters > 0


def test_papers_protocol_is_the_papers() -> None:
    config = composed("protocol=paper")
    data, split, augment, optim, trainer, style = (
        build(config, group) for group in ("data", "split", "augment", "optim", "trainer", "skeleton")
    )
    model = config.model
    assert (data.videos, data.squats, data.frames.each_side) == (34, 219, 5)
    assert data.one_label_per_video and not build(composed("protocol=quick"), "data").one_label_per_video
    assert data.frames.step == pytest.approx(1 / 30)
    assert (split.by, split.val, split.test, split.seed) == ("squat", 0.05, 0.05, 230)
    assert (augment.flip, augment.zoom_out, augment.is_random) == (True, 0.5, False)
    assert (optim.lr, optim.batch_size, trainer.max_epochs) == (1e-5, 500, 500)
    assert (style.height, style.width, style.framing) == (192, 108, "image")
    assert build(composed("protocol=quick"), "skeleton").framing == "person"
    assert (model.kernel_size, model.dropout, model.padding) == (3, 0.25, "valid")


def test_final_experiment_is_table_4s_model() -> None:
    config = composed("experiment=final")
    model, optim = config.model, build(config, "optim")
    assert config.protocol.name == "paper"
    assert (model.blocks, model.kernel_size, optim.l2, optim.lr) == (4, 3, 1e-6, 1e-5)


def test_command_line_wins_over_the_protocol() -> None:
    config = composed("protocol=paper", "split=by_subject", "optim.lr=1e-3", "trainer.max_epochs=3")
    assert build(config, "split").by == "subject"
    assert build(config, "optim").lr == 1e-3
    assert build(config, "trainer").max_epochs == 3


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("optim.lr=much", "optim.lr: Value 'much'"),
        ("+optim.depth=3", "optim.depth: Key 'depth'"),
        ("optim._target_=os.system", "optim._target_=os.system: os.system is not of a package"),
        ("optim._target_=deepsquat.model.mlp.MLP", "is no dataclass of options"),
        ("data.frames.each_side=-1", "data.frames.each_side must be 0 or more"),
    ],
)
def test_what_does_not_fit_is_named(override: str, message: str) -> None:
    config = composed(override)
    with pytest.raises(UserError, match=message):
        build(config, override.lstrip("+").split(".")[0])


def network(*overrides: str) -> Network:
    config = composed(*overrides)
    narrow(config, list(overrides))
    return build_network(config, GoodOrBad(), 144, 81)


def test_a_class_takes_the_place_of_the_whole_option() -> None:
    found = network("model._target_=deepsquat.model.resnet.ResNet", "model.blocks=2", "+model.widths=[4,8]")
    assert dict(found.arguments) == {"blocks": 2, "widths": (4, 8), "outputs": 2}
    assert dict(network("model._target_=deepsquat.model.mlp.MLP").arguments) == {}


def test_a_class_of_the_convnets_own_values_gets_none_that_was_not_typed() -> None:
    found = network("model._target_=deepsquat.model.convnet.ConvNet", "model.hidden=[5]", "model.dropout=0")
    assert dict(found.arguments) == {"hidden": (5,), "dropout": 0.0, "height": 144, "width": 81}


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["model.dropout=much"], "^model.dropout: Value 'much'"),
        (["+model.depth=3"], "^model.depth: ConvNet has no value of this name; it has blocks, kernel_size"),
        (["model=mlp", "+model.padding=same"], "^model.padding: MLP has no value of this name"),
        (["+model.height=3"], "^model.height is set by the images"),
        (["model.blocks=6"], "^model: block 5 of 6"),
        (["model._target_=os.system"], "^model._target_=os.system: .* DEEPSQUAT_TRUST=os"),
        (["model._target_=deepsquat.skeleton.Style"], "is no torch.nn.Module"),
        (["model._target_=deepsquat.skeleton.draw"], "is no torch.nn.Module"),
        (["model._target_=null"], "^model._target_=None: give package.module.Name"),
        (["model.hidden=[1000000000000]"], "parameters would take"),
    ],
)
def test_a_model_that_does_not_fit_is_one_line(overrides: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        network(*overrides)


def test_a_config_that_is_read_back_is_held_to_the_same_trust(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "tests" / "extending"))
    monkeypatch.setenv("DEEPSQUAT_TRUST", "mine")
    config = composed("model._target_=mine.net.SmallNet")
    narrow(config, ["model._target_=mine.net.SmallNet"])
    OmegaConf.save(config, tmp_path / "config.yaml")
    saved = OmegaConf.load(tmp_path / "config.yaml")
    assert isinstance(saved, DictConfig)
    assert build_network(saved, GoodOrBad(), 144, 81).description == "SmallNet"
    monkeypatch.delenv("DEEPSQUAT_TRUST")
    with pytest.raises(UserError, match=r"^model._target_=mine.net.SmallNet: .* DEEPSQUAT_TRUST=mine"):
        build_network(saved, GoodOrBad(), 144, 81)


@pytest.mark.parametrize(
    ("callbacks", "message"),
    [
        ("{a: 3}", "callbacks.a must name its class"),
        ("{a: {_target_: os.Popen}}", "os.Popen is not of a package that may be named"),
        ("{a: {_target_: deepsquat.trainer.target.GoodOrBad}}", "is no pytorch_lightning.Callback"),
        (
            "{a: {_target_: deepsquat.trainer.callbacks.Progress, speed: 3}}",
            "callbacks.a.speed: Progress has no",
        ),
        ("{a: {_target_: deepsquat.trainer.callbacks.EpochSeeds}}", "callbacks.a.seed: EpochSeeds needs it"),
        (
            "{a: {_target_: deepsquat.trainer.callbacks.Progress}, b: {_target_: "
            "deepsquat.trainer.callbacks.Progress}}",
            "callbacks.b: a checkpoint could not tell it from callbacks.a",
        ),
    ],
)
def test_a_callback_that_cannot_be_is_one_line(callbacks: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        build_callbacks(composed(f"callbacks={callbacks}".replace(": ", ":").replace(", ", ",")))


def test_a_callback_is_made_anew_for_each_training() -> None:
    made = build_callbacks(
        composed("callbacks={a:{_target_:deepsquat.trainer.callbacks.EpochSeeds,seed:3}}")
    )["a"]
    assert made() is not made() and made().seed == 3  # type: ignore[attr-defined]
