"""The model that is shipped, and the file form that carries it."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from deepsquat import champion
from deepsquat.champion import Champion, Standard
from deepsquat.data.joints.source import MadeUpJoints
from deepsquat.data.squats import FrameChoice
from deepsquat.errors import UserError
from deepsquat.evaluation.scores import auc
from deepsquat.images import draw_images
from deepsquat.measures import Limits
from deepsquat.model.ensemble import Ensemble
from deepsquat.model.plain import PlainNet
from deepsquat.skeleton import Style
from deepsquat.trainer.form import Form

ARGUMENTS = {"height": 24, "width": 18, "widths": [4, 4], "hidden": 8, "outputs": 17}
BUILT_BY = {"_target_": "deepsquat.model.plain.PlainNet", **ARGUMENTS}


def made(**changed: object) -> Champion:
    torch.manual_seed(0)
    return Champion(
        name="small",
        network=PlainNet(**ARGUMENTS).eval(),
        built_by=BUILT_BY,
        target=Form(limits=Limits(lean=40)),
        skeleton=Style(24, 18, 1, "person", "legs"),
        frames=FrameChoice(1, 0.05),
        temperature=2.0,
        shift=0.25,
        threshold=0.6,
        standards={"strict": Standard(Limits(depth=0.0), 0.8)},
        views={"yaw": (-180.0, 180.0)},
        quantiles={"lean": {"front": {"5": 1.0, "95": 30.0}}},
        made_of={"runs": ["a"]},
    )


def images(n: int = 5) -> torch.Tensor:
    return torch.randint(
        0, 256, (n, 24, 18, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(1)
    )


def test_what_is_written_comes_back_and_says_the_same(tmp_path: Path) -> None:
    written = made()
    champion.write(tmp_path, written)
    back = champion.load(tmp_path)
    assert torch.equal(back.outputs(images()), written.outputs(images()))
    names = (
        "name",
        "target",
        "skeleton",
        "frames",
        "temperature",
        "shift",
        "standards",
        "views",
        "quantiles",
    )
    for name in names:
        assert getattr(back, name) == getattr(written, name), name
    assert not back.network.training and list(tmp_path.glob(".*")) == []


def test_a_squat_is_judged_by_the_mean_logit_of_its_images_over_the_temperature(tmp_path: Path) -> None:
    model = replace(made(), shift=0.0)
    outputs = torch.zeros(2, 17)
    outputs[:, :8] = torch.tensor([[-1.25], [-1.5]])  # sums of four: 1.25 * (-4.2 + 5), 1.25 * (-4.2 + 6)
    assert model.logits(outputs).tolist() == pytest.approx([0.5, 1.125])
    assert model.p_good(outputs) == pytest.approx(1 / (1 + np.exp(-0.8125)))
    assert made().p_good(outputs) == pytest.approx(1 / (1 + np.exp(-0.5625)))  # less the shift


def test_several_networks_say_their_mean(tmp_path: Path) -> None:
    together = Ensemble(2, BUILT_BY).eval()
    given = images().permute(0, 3, 1, 2).float()
    expected = torch.stack([member(given) for member in together.members]).mean(dim=0)
    built_by = {"_target_": "deepsquat.model.ensemble.Ensemble", "members": 2, "of": BUILT_BY}
    champion.write(tmp_path, replace(made(), network=together, built_by=built_by))
    assert torch.equal(champion.load(tmp_path).outputs(images()), expected)


def test_what_is_damaged_or_strange_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"model\.json: cannot be read"):
        champion.load(tmp_path)
    champion.write(tmp_path, made())
    text, weights = (tmp_path / "model.json").read_text(), (tmp_path / "weights.pt").read_bytes()
    known = json.loads(text)
    stranger = {**known, "network": {**known["network"], "_target_": "os.system"}}
    no_network = {**known, "network": {"_target_": "deepsquat.files.read_checked"}}
    no_target = {**known, "target": {"_target_": "deepsquat.files.read_checked"}}
    cases = {
        json.dumps(no_network): r"read_checked is no torch\.nn\.Module",
        json.dumps(no_target): "read_checked is no dataclass of options",
        text[: len(text) // 2]: r"model\.json: is damaged",
        json.dumps({**known, "format": 2}): "is no model of format 1",
        json.dumps(stranger): "os.system is not of a package that may be named",
        json.dumps({**known, "frames": {"each_side": -1}}): r"frames\.each_side must be 0 or more",
        json.dumps({**known, "network": {**known["network"], "hidden": 9}}): "cannot be used",
        json.dumps({key: value for key, value in known.items() if key != "target"}): "cannot be used",
    }
    for damaged, message in cases.items():
        (tmp_path / "model.json").write_text(damaged)
        with pytest.raises(UserError, match=message) as caught:
            champion.load(tmp_path)
        assert "\n" not in str(caught.value)
    (tmp_path / "model.json").write_text(text)
    (tmp_path / "weights.pt").write_bytes(weights[:-1] + b"x")
    with pytest.raises(UserError, match=r"weights\.pt: are not the weights"):
        champion.load(tmp_path)


def test_weights_too_large_to_be_shipped_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(champion, "FOLDER", tmp_path)
    large = PlainNet(24, 18, (4, 4), 30000, 15)
    with pytest.raises(UserError, match="bytes of weights; a champion has 2,097,152 at most"):
        champion.write(tmp_path, replace(made(), network=large))
    assert not list(tmp_path.iterdir())


def test_killed_while_another_is_written_the_model_before_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    champion.write(tmp_path, made())
    torch.manual_seed(1)
    other = replace(made(), network=PlainNet(**ARGUMENTS).eval())

    def killed(*_: object, **__: object) -> str:
        raise KeyboardInterrupt

    for _ in range(2):
        with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
            patched.setattr(
                champion.json, "dumps", killed
            )  # its weights are there, model.json is the old one
            champion.write(tmp_path, other)
    assert torch.equal(champion.load(tmp_path).outputs(images()), made().outputs(images()))
    champion.write(tmp_path, other)
    assert torch.equal(champion.load(tmp_path).outputs(images()), other.outputs(images()))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.json", "weights.pt"]


def test_the_shipped_model_tells_good_from_bad_squats_of_people_made_up_here() -> None:
    """From every side, with an estimator's errors. It lies in the repository, whatever the home is."""
    model = champion.load()
    assert sum(file.stat().st_size for file in champion.FOLDER.iterdir()) < 2 * 2**20
    source = MadeUpJoints(people=100, seed=20261126, limits=model.target.limits, frames=model.frames)
    found = draw_images(source.landmark_table_and_drops()[0], "", "joints", model.skeleton)
    logits = model.logits(model.outputs(torch.from_numpy(found.images))).numpy()
    _, first, number = np.unique(found.squat, return_index=True, return_inverse=True)
    score = np.bincount(number, logits) / np.bincount(number)
    assert auc(found.label[first], score) > 0.85
    assert {"strict", "usual", "lenient"} <= model.standards.keys()
    strict, usual, lenient = (model.standards[name].threshold for name in ("strict", "usual", "lenient"))
    assert strict > usual > lenient and usual == model.threshold


def test_where_models_lie_is_known_without_loading_one() -> None:
    from deepsquat.commands import weights

    known = (weights.SHIPPED, weights.PROMOTED, weights.MODEL)
    assert known == (champion.FOLDER, champion.PROMOTED, champion.MODEL)
