"""Calibration against answers that are known."""

import numpy as np
import pytest

from deepsquat.evaluation.calibration import best_threshold, calibration_error, temperature


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


def test_the_best_threshold_lies_between_what_it_parts() -> None:
    label = np.array([0, 0, 1, 0, 1, 1])
    p_good = np.array([0.1, 0.2, 0.3, 0.4, 0.6, 0.7])
    # Above .5: 3 of 3 bad, 2 of 3 good. Above .25: 2 of 3 and 3 of 3. Both are right on five sixths.
    assert best_threshold(p_good, label) == pytest.approx(0.5)
    assert best_threshold(1 - p_good, 1 - label) == pytest.approx(0.5)
    assert best_threshold(np.array([0.2, 0.4]), np.array([0, 1])) == pytest.approx(0.3)
