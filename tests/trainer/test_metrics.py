"""A metric is a file; what a run returns has it for train, val and test."""

from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf

from deepsquat.commands.options import build_metrics
from deepsquat.errors import UserError
from deepsquat.model.mlp import MLP
from deepsquat.model.network import tried as tried_network
from deepsquat.optim.adam import AdamOptions
from deepsquat.trainer import metrics
from deepsquat.trainer.classifier import Classifier
from deepsquat.trainer.metrics import Answers
from deepsquat.trainer.target import GoodOrBad
from deepsquat.training import returned

ANSWERS = Answers(
    outputs=torch.tensor([[-1.0, 1.0], [1.0, 1.0], [2.0, -2.0], [0.1, 0.2]]),
    truth=torch.tensor([1, 1, 1, 0]),
    p_good=torch.tensor([0.9, 0.2, 0.6, 0.7]),
    squat=torch.tensor([0, 0, 3, 1]),
)


def test_accuracy_is_counted_by_output_by_image_and_by_squat() -> None:
    found = {name: metric(ANSWERS) for name, metric in build_metrics(OmegaConf.create()).items()}
    # Outputs: both right, one, none, one of two. Images: 0.2 and 0.7 are wrong. Squats: 0.55, 0.6, 0.7.
    assert found == {"accuracy": 0.5, "image_accuracy": 0.5, "squat_accuracy": pytest.approx(2 / 3)}


def test_the_two_outputs_speak_of_good_form_together() -> None:
    p_good = GoodOrBad().p_good(torch.tensor([[-1.0, 1.0], [1.0, 1.0], [2.0, -2.0]]))
    assert p_good[0] > 0.5 and p_good[1] == 0.5 and p_good[2] < 0.5


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose files are metrics as those of the package are."""
    monkeypatch.setattr(metrics, "__path__", [*metrics.__path__, str(tmp_path)])
    return tmp_path


def test_one_file_is_a_metric_of_every_part_and_may_be_an_objective(folder: Path) -> None:
    (folder / "above.py").write_text(
        "def above(answers, least: float = 0.5):\n    return (answers.p_good > least).float().mean()\n"
    )
    config = OmegaConf.create({"metrics": {"above": {"least": 0.8}}})
    found = build_metrics(config)
    metrics.tried(found, GoodOrBad())
    assert found["above"](ANSWERS) == 0.25
    target, shape = GoodOrBad(), (3, 48, 27)
    classifier = Classifier(tried_network(MLP, {}, shape, 2), target, found, AdamOptions(batch_size=2))
    batch = torch.zeros(2, *shape, dtype=torch.uint8), torch.tensor([0, 1]), torch.tensor([0, 1])
    measured = {}
    for part in ("val", "test"):
        measured |= classifier.evaluate(part, [batch], torch.device("cpu"))
    names = returned(target, found, ["others"])
    assert set(measured) == {name for name in names if name.startswith(("val/", "test/"))}
    assert {"train/above", "val/above", "test/above", "transfer/others/auc"} <= set(names)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("def wrong(answers):\n    return answers.nothing\n", r"metrics.wrong: AttributeError: .* line 2\)"),
        ("def wrong(answers):\n    return 'much'\n", "metrics.wrong: ValueError"),
        ("import no_such_library\n", "metrics.wrong._target_=.*No module named 'no_such_library'"),
        ("def other(answers): ...\n", "has no attribute 'wrong'"),
    ],
)
def test_a_metric_that_fails_is_one_line(folder: Path, code: str, message: str) -> None:
    import sys

    (folder / "wrong.py").write_text(code)
    sys.modules.pop("deepsquat.trainer.metrics.wrong", None)
    with pytest.raises(UserError, match=message):
        metrics.tried(build_metrics(OmegaConf.create()), GoodOrBad())


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"acuracy": {"x": 1}}, "metrics.acuracy: there is no such metric; there are accuracy, image"),
        ({"accuracy": {"x": 1}}, "metrics.accuracy.x: accuracy has no value of this name; it has none"),
        ({"accuracy": 3}, "metrics.accuracy must hold options by name, got 3"),
        (
            {"mine": {"_target_": "os.getenv"}},
            "metrics.mine._target_=os.getenv: os.getenv is not",
        ),
    ],
)
def test_options_that_do_not_fit_are_one_line(told: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        build_metrics(OmegaConf.create({"metrics": told}))
