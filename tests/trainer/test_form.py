"""Severities and measures as a target, beside the rule that labels made-up squats."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from deepsquat.data.joints.source import MadeUpJoints
from deepsquat.data.squats import FrameChoice
from deepsquat.errors import UserError
from deepsquat.landmarks import MEASURES, LandmarkTable
from deepsquat.measures import FAULTS, Limits, Measures, faulty
from deepsquat.trainer.form import Form, severities


@pytest.fixture(scope="module")
def table() -> LandmarkTable:
    return MadeUpJoints(people=30, frames=FrameChoice(0, 0.05)).landmark_table_and_drops()[0]


@pytest.mark.parametrize("limits", [Limits(), Limits(depth=0.0, lean=40, heel=5, shift=0.05)])
def test_a_fault_is_there_where_its_severity_is_above_nought(table: LandmarkTable, limits: Limits) -> None:
    found = severities(torch.from_numpy(table.measures).double(), limits).numpy()
    there = faulty(Measures(*table.measures.astype(float).T), limits)
    assert there.any(axis=0).sum() >= 7 and found.shape == there.shape == (120, len(FAULTS))
    np.testing.assert_array_equal(found > 0, there)
    assert found.min() >= -2 and found.max() <= 2


def test_a_severity_is_one_where_the_fault_is_plain() -> None:
    """A depth of .17 is .10 above the limit of .07; a lean of 35 is 10 degrees below that of 45."""
    measures = torch.tensor([[0.17, 35.0, 1.15, 3.0, 0.0, 0.0, 14.0, 30.0]])
    found = dict(zip(FAULTS, severities(measures, Limits())[0].tolist(), strict=True))
    assert found["too_shallow"] == pytest.approx(1) and found["leaning"] == pytest.approx(-1)
    assert found["knees_caving"] == pytest.approx(-1) and found["shifted"] == pytest.approx(1)


def test_who_reads_without_error_has_no_loss_and_gets_the_measures_back(table: LandmarkTable) -> None:
    form = Form()
    images = torch.zeros(len(table), 3, 8, 8, dtype=torch.uint8)
    label, squat = torch.from_numpy(table.label.astype(np.int64)), torch.arange(len(table))
    truth = form.truth((images, label, squat, torch.from_numpy(table.measures)))
    assert truth.shape == (len(table), form.outputs) and form.loss(truth, truth) == 0
    assert form.loss(truth + 1, truth) == pytest.approx(0.5)  # smooth L1 of an error of 1
    said, measures = form.read(truth)
    np.testing.assert_allclose(measures, table.measures, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(said, severities(torch.from_numpy(table.measures), Limits()))


def test_the_verdict_is_the_sum_of_what_is_counted_and_nothing_else(table: LandmarkTable) -> None:
    form = Form(counted=("too_shallow", "leaning"), even=-2.0, slope=2.0, plain=9.0)
    outputs = torch.zeros(2, form.outputs)
    outputs[0, [FAULTS.index("too_shallow"), FAULTS.index("leaning")]] = -1.0
    assert form.p_good(outputs).tolist() == [0.5, pytest.approx(1 / (1 + np.exp(4)))]
    outputs[:, FAULTS.index("heels_up")] = 2.0
    assert form.p_good(outputs)[0] == 0.5, "the sum counts two alone"


def test_no_squat_is_better_than_its_plainest_fault_allows() -> None:
    form = Form(counted=("leaning",), even=-1.0, plain=0.4, steep=2.0)
    outputs = torch.full((2, form.outputs), -2.0)
    outputs[1, FAULTS.index("heels_up")] = 1.4
    assert form.p_good(outputs).tolist() == [
        pytest.approx(1 / (1 + np.exp(-form.slope))),
        pytest.approx(1 / (1 + np.exp(2))),
    ]


def test_a_table_without_measures_has_them_unknown(table: LandmarkTable) -> None:
    bare = replace(table, measures=None)
    assert bare.measures.shape == (len(table), MEASURES) and np.isnan(bare.measures).all()
    assert Measures(*table.measures.T).stacked().shape[1] == MEASURES


def test_values_that_cannot_be_are_named() -> None:
    with pytest.raises(UserError, match=r"target\.counted must name one or more of too_shallow, .*'bent'"):
        Form(counted=("leaning", "bent"))
    with pytest.raises(UserError, match=r"target\.slope must be a number above 0"):
        Form(slope=0.0)
    for name in ("even", "slope", "plain", "steep"):
        with pytest.raises(UserError, match=rf"target\.{name} must be a number"):
            Form(**{name: float("nan")})
