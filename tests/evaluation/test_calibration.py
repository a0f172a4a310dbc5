"""Calibration against answers that are known."""

import numpy as np
import pytest

from deepsquat.evaluation.calibration import boundary, calibration_error, own_standard, temperature
from deepsquat.evaluation.scores import Scores


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


def squats(n: int, begins: float, seed: int = 0) -> Scores:
    """Scores of squats that are good from a logit on, give or take."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(begins, 2, n)
    label = (rng.random(n) < 1 / (1 + np.exp(-2 * (logits - begins)))).astype(int)
    return Scores(logits, label, np.full(n, ""))


def test_many_labels_set_the_boundary_and_few_move_it_a_little() -> None:
    many = own_standard(squats(400, -2.0), prior=0.0, seed=0)
    assert many.boundary[1] == pytest.approx(-2.0, abs=0.3) and many.temperature < 0.8
    assert many.boundary[0] < -1.9 < many.boundary[2] < many.boundary[0] + 1
    few = squats(8, -2.0, seed=3)
    found = own_standard(few, prior=0.0, seed=0)
    assert -2.0 < found.boundary[1] < 0 and found.temperature == 1
    assert found.boundary[2] - found.boundary[0] > many.boundary[2] - many.boundary[0]


def test_where_there_are_subjects_they_are_resampled_and_the_interval_is_wider() -> None:
    """Everybody has a standard of their own: ten people, forty squats each."""
    parts = [squats(40, begins, seed) for seed, begins in enumerate(np.linspace(-3, 3, 10))]
    score, label = (np.concatenate([getattr(part, name) for part in parts]) for name in ("score", "label"))
    who = np.repeat([f"s{i}" for i in range(10)], 40)
    alone = own_standard(Scores(score, label, np.full(400, "")), 0.0, 0).boundary
    people = own_standard(Scores(score, label, who), 0.0, 0).boundary
    assert people[1] == alone[1] and people[2] - people[0] > alone[2] - alone[0]
