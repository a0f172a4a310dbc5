"""Calibration against answers that are known."""

import numpy as np
import pytest

from deepsquat.evaluation.calibration import boundary, by_others, calibration_error, fitted, temperature


def test_the_temperature_undoes_what_logits_were_multiplied_by() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, 40000)
    label = (rng.random(40000) < 1 / (1 + np.exp(-logits))).astype(int)
    for factor in (0.5, 1.0, 3.0):
        assert temperature(factor * logits, label) == pytest.approx(factor, rel=0.05)


def test_a_few_squats_that_are_all_told_rightly_make_no_answer_certain() -> None:
    """Platt's targets: 11 of each label speak of 12 in 13, which is a logit of 2.5."""
    label = np.repeat([0, 1], 11)
    found = temperature(np.where(label == 1, 0.8, -0.8), label)
    assert 0.8 / found == pytest.approx(np.log(12), rel=0.02)


def test_no_boundary_is_found_where_a_higher_logit_speaks_against_good() -> None:
    """One good squat far below all outweighs nine that are a little above the bad ones."""
    logits = np.array([*[0.2] * 9, -9.0, *[0.1] * 9, 0.15])
    assert boundary(logits, np.repeat([1, 0], 10)) is None


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


def test_slope_and_offset_are_those_of_scikit_learns_balanced_logistic_regression() -> None:
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(2)
    logits = rng.normal(0, 2, 500)
    label = (rng.random(500) < 1 / (1 + np.exp(1 - logits))).astype(int)
    reference = LogisticRegression(class_weight="balanced", C=1e4).fit(logits[:, None], label)
    slope, offset = fitted(logits, label)
    assert (slope, offset) == pytest.approx((reference.coef_[0, 0], reference.intercept_[0]), abs=0.02)


def test_labels_that_are_parted_wholly_have_a_boundary_between_them() -> None:
    for scale in (1, 1e3):
        found = boundary(scale * np.array([-3.0, -2, 5, 6]), np.array([0, 0, 1, 1]))
        assert -2 * scale < found < 5 * scale


def test_nobodys_own_labels_set_the_standard() -> None:
    """Three groups; the third's labels are the wrong way round, and change nothing of its own answers."""
    rng = np.random.default_rng(3)
    label, group = np.tile([0, 1], 60), np.repeat(["a", "b", "c"], 40)
    logits = 4 * (label - 0.5) + rng.normal(size=120)
    found = by_others(logits, label, group)
    turned = np.where(group == "c", 1 - label, label)
    np.testing.assert_allclose(by_others(logits, turned, group)[group == "c"], found[group == "c"])
    assert not np.allclose(by_others(logits, turned, group)[group == "a"], found[group == "a"])
    assert np.mean((found > 0.5) == label) > 0.9
    assert by_others(np.ones(4), np.array([1, 1, 0, 0]), np.repeat(["a", "b"], 2)) is None
    assert by_others(logits, label, np.repeat("a", 120)) is None


def test_sources_weigh_the_same_however_many_squats_they_have() -> None:
    """Of one the boundary is 0, of the other, with a twentieth of the squats, 2: in the middle, 1."""
    rng = np.random.default_rng(1)
    label = np.concatenate([np.tile([0, 1], 10000), np.tile([0, 1], 500)])
    source = np.repeat(["many", "few"], [20000, 1000])
    logits = 2.0 * (label - 0.5) + rng.normal(0, 1, len(label)) + np.where(source == "few", 2, 0)
    slope, offset = fitted(logits, label, source)
    assert -offset / slope == pytest.approx(1, abs=0.1)
    alone = fitted(logits, label)
    assert -alone[1] / alone[0] == pytest.approx(2 / 21, abs=0.05)
