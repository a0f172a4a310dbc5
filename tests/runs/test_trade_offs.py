"""What the picture of a study of several objectives shows."""

import warnings
from pathlib import Path

import optuna
import pytest
from optuna.trial import create_trial

from deepsquat.runs import study as files
from deepsquat.runs import trade_offs

pytest.importorskip("matplotlib")


def of(*values: tuple[float, ...]) -> optuna.Study:
    """The first objective is minimised, the others maximised."""
    made = optuna.create_study(study_name="a", directions=["minimize", *["maximize"] * (len(values[0]) - 1)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made.set_metric_names(["val/loss", "val/accuracy", "test/auc"][: len(values[0])])
    for i, of_one in enumerate(values):
        made.add_trial(create_trial(values=of_one, user_attrs={"point": i}))
    return made


def test_what_no_other_trial_beats_is_ringed_and_named() -> None:
    axis = trade_offs.draw(of((0.4, 0.9), (0.3, 0.8), (0.5, 0.7))).axes[0]
    complete, ringed = axis.lines
    assert list(complete.get_xdata()) == [0.4, 0.3, 0.5] and list(ringed.get_xdata()) == [0.4, 0.3]
    assert [text.get_text() for text in axis.texts] == ["0", "1"]
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("val/loss, minimized", "val/accuracy, maximized")


def test_values_far_apart_stand_on_a_logarithmic_axis_and_three_objectives_in_three_panels() -> None:
    axes = trade_offs.draw(of((0.01, 0.9, 0.5), (3.0, 0.95, 0.6), (0.5, 0.8, 0.7))).axes
    assert [(axis.get_xscale(), axis.get_yscale()) for axis in axes] == [
        ("log", "linear"),
        ("log", "linear"),
        ("linear", "linear"),
    ]


def test_a_study_of_several_objectives_has_its_picture(tmp_path: Path) -> None:
    files.write(tmp_path, of((0.4, 0.9), (0.3, 0.8)))
    assert (tmp_path / "trade_offs.png").read_bytes()[:4] == b"\x89PNG"
    assert not (tmp_path / "history.png").exists()
