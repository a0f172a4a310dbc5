"""Calibration against answers that are known."""

import numpy as np
import pytest

from deepsquat.evaluation.calibration import boundary, calibration_error, temperature


def test_the_temperature_undoes_what_logits_were_multiplied_by() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, 40000)
    label = (rng.random(40000) < 1 / (1 + np.exp(-logits))).astype(int)
    for factor in (0.5, 1.0, 3.0):
        assert temperature(factor * logits, label) == pytest.approx(factor, rel=0.05)


def test_the_calibration_error_is_the_mean_distance_of_the_bins() -> None:
    """Of .95, 3 in 4 are good: .20 away, 4 of 6 squats. Of .15, none of two is: .15 away. (.80 + .30) / 6."""
    p_good = np.array([0.95, 0.95, 0.95, 0.95, 0.15, 0.15])
    assert calibration_error(p_good, np.array([1, 1, 1, 0, 0, 0])) == pytest.approx(1.1 / 6)
    assert calibration_error(np.array([1.0, 0.0]), np.array([1, 0])) == 0


def test_the_boundary_lies_where_both_labels_are_as_likely_however_many_there_are() -> None:
    """Two normal distributions of one width: in the middle of their means, 1 and -2."""
    rng = np.random.default_rng(0)
    logits = np.concatenate([rng.normal(1, 1, 30000), rng.normal(-2, 1, 3000)])
    label = np.repeat([1, 0], [30000, 3000])
    assert boundary(logits, label) == pytest.approx(-0.5, abs=0.05)
    assert boundary(np.array([-1.0, -3.0, 1.0, 3.0]), np.array([0, 0, 1, 1])) == pytest.approx(0, abs=1e-6)
