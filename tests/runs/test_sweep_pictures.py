"""What stands in the pictures of a study, and where."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState, create_trial

from deepsquat.runs import maps, sweep_pictures
from deepsquat.runs.trials import Shown, shown

pytest.importorskip("matplotlib")
LR, BLOCKS = FloatDistribution(1e-5, 1e-1, log=True), IntDistribution(1, 4)
KIND = CategoricalDistribution(("convnet", "mlp"))


def seen(axes: dict[str, Any], trials: Sequence[tuple[TrialState, Sequence[Any], float]]) -> Shown:
    """trials: how each ended, its values, and what came out or was said last."""
    study = optuna.create_study(study_name="a")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        study.set_metric_names(["val/loss"])
    for i, (state, values, said) in enumerate(trials):
        pruned, failed = state == TrialState.PRUNED, state == TrialState.FAIL
        study.add_trial(
            create_trial(
                state=state,
                params=dict(zip(axes, values, strict=False)),
                distributions=dict(list(axes.items())[: len(values)]),
                value=None if pruned or failed else said,
                intermediate_values={} if failed else {1: 2 * said, 2: said},
                user_attrs={"point": i, **({"ended": "failed"} if failed else {})},
            )
        )
    return shown(study)


@pytest.fixture
def search() -> Shown:
    trials = [
        (TrialState.COMPLETE, (1e-4, 1), 0.9),
        (TrialState.PRUNED, (1e-2, 4), 3.0),
        (TrialState.COMPLETE, (1e-3, 3), 0.5),
        (TrialState.FAIL, (2e-2, 2), 0.0),
    ]
    return seen({"optim.lr": LR, "model.blocks": BLOCKS}, trials)


def labels(axis: Any) -> list[str]:
    return [label.get_text() for label in axis.get_ticklabels()]


def test_values_stand_on_scales_as_they_were_drawn(search: Shown) -> None:
    lr, blocks = sweep_pictures.slices(search).axes[:2]
    assert (lr.get_xscale(), blocks.get_xscale()) == ("log", "linear")
    assert lr.get_xlim()[0] < 1e-5 and lr.get_xlim()[1] > 1e-1  # the whole of what was searched
    assert labels(blocks.xaxis) == ["1", "3", "4"]  # no fractions
    assert lr.get_ylabel() == "val/loss"


def test_pruned_and_failed_trials_are_to_be_seen_and_the_best_is_marked(search: Shown) -> None:
    axis = sweep_pictures.history(search).axes[0]
    drawn = {line.get_label(): [int(x) for x in line.get_xdata()] for line in axis.get_lines()}
    assert drawn == {
        "best so far": [0, 2],
        "complete": [0, 2],
        "pruned, its last value": [1],
        "failed": [3],
        "best, trial 2": [2],
    }
    assert len(sweep_pictures.epochs(search).axes[0].get_lines()) >= 4
    ring = maps.scatter_map(search).axes[0].get_lines()[-1]
    assert sorted([ring.get_xdata()[0], ring.get_ydata()[0]]) == [1e-3, 3]


def test_no_legend_stands_on_a_plot(search: Shown) -> None:
    for made in (sweep_pictures.history(search), sweep_pictures.slices(search), maps.parallel(search)):
        made.canvas.draw()
        (legend,) = made.legends
        assert not any(
            axis.get_visible() and axis.get_window_extent().overlaps(legend.get_window_extent())
            for axis in made.axes
        )


def test_a_grid_says_what_became_of_each_cell() -> None:
    grid = {"model": KIND, "optim.l2": CategoricalDistribution((1e-2, 1e-4))}
    made = maps.heat_map(
        seen(
            grid,
            [
                (TrialState.COMPLETE, ("convnet", 1e-2), 0.7),
                (TrialState.PRUNED, ("convnet", 1e-4), 2.0),
                (TrialState.COMPLETE, ("mlp", 1e-4), 20.0),
                (TrialState.FAIL, ("mlp", 1e-2), 0.0),
            ],
        )
    )
    axis = made.axes[0]
    cells = {(t.get_position()[1], t.get_position()[0]): t.get_text() for t in axis.texts}
    # Rows as they were named, columns rising.
    assert cells == {(0, 1): "0.7", (0, 0): "pruned\n2", (1, 0): "20", (1, 1): "failed"}
    (frame,) = axis.patches
    assert (round(frame.get_x()), round(frame.get_y())) == (1, 0)
    assert type(axis.images[0].norm).__name__ == "LogNorm"  # 0.7 to 20
    assert made.axes[1].get_ylabel() == "val/loss"


def test_a_value_that_is_not_everywhere_has_its_own_place(tmp_path: Path) -> None:
    some = seen(
        {"model": KIND, "model.blocks": BLOCKS},
        [
            (TrialState.COMPLETE, ("mlp",), 0.9),
            (TrialState.COMPLETE, ("convnet", 2), 0.5),
            (TrialState.COMPLETE, ("convnet", 3), 0.7),
        ],
    )
    axis = maps.parallel(some).axes[0]
    assert "none" in [text.get_text() for text in axis.texts]
    assert maps.heat_map(some) is None
    assert sweep_pictures.slices(some) is not None
