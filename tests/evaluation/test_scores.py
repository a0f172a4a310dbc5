"""Areas and accuracies against numbers worked out by hand."""

import math

import numpy as np
import pytest

from deepsquat.evaluation.scores import (
    MEASURES,
    Scores,
    auc,
    balanced_accuracy,
    less_a_reference,
    measured,
    over_references,
    reference_choices,
    with_reference,
    within,
)


def test_the_area_counts_pairs_and_halves_ties() -> None:
    label = np.array([1, 1, 0, 0])
    assert auc(label, np.array([2.0, 1.0, 0.0, -1.0])) == 1
    assert auc(label, np.array([0.0, 0.0, 0.0, 0.0])) == 0.5
    # Of the four pairs 3 > 2, 3 > 1 and 1 = 1 count 1, 1 and a half; 1 < 2 counts nothing.
    assert auc(label, np.array([3.0, 1.0, 2.0, 1.0])) == 2.5 / 4
    assert math.isnan(auc(np.array([1, 1]), np.array([0.0, 1.0])))


def test_the_area_is_that_of_scikit_learn() -> None:
    from sklearn.metrics import roc_auc_score

    generator = np.random.default_rng(0)
    label, score = generator.integers(0, 2, 300), generator.integers(0, 20, 300).astype(float)
    assert auc(label, score) == pytest.approx(roc_auc_score(label, score))


def test_balanced_accuracy_weighs_both_labels_alike() -> None:
    label = np.array([1, 0, 0, 0])
    assert balanced_accuracy(label, np.array([False, False, False, False])) == 0.5
    assert balanced_accuracy(label, np.array([True, False, False, True])) == pytest.approx((1 + 2 / 3) / 2)


def test_a_reference_takes_a_persons_own_level_away() -> None:
    """Two people, the second's scores 10 higher: useless across them, perfect beside a good squat of each."""
    score = np.array([1.0, 1.1, 0.0, 0.1, 11.0, 11.1, 10.0, 10.1])
    label = np.array([1, 1, 0, 0, 1, 1, 0, 0])
    subject = np.repeat(["a", "b"], 4)
    without, reference = with_reference(Scores(score, label, subject))
    assert reference == 1.0
    # Good squats left: one of a, one of b. Against four bad ones a's wins two pairs, b's four.
    assert without == pytest.approx(6 / 8)


def test_every_choice_of_a_reference_is_compared_with_the_others_of_the_person() -> None:
    score, label = np.array([1.0, 3.0, 0.0, 9.0]), np.array([1, 1, 0, 1])
    pairs = less_a_reference(Scores(score, label, np.array(["a", "a", "a", ""])))
    assert sorted(zip(pairs.score.tolist(), pairs.label.tolist(), strict=True)) == [
        (-3.0, 0), (-2.0, 1), (-1.0, 0), (2.0, 1),
    ]  # fmt: skip
    marked = Scores(score, label, np.array(["a", "a", "a", ""]), np.array([True, False, False, False]))
    assert sorted(less_a_reference(marked).score.tolist()) == [-1.0, 2.0]
    assert not len(less_a_reference(Scores(score, label, np.full(4, ""))).score)


def test_who_has_no_good_squat_or_no_name_is_in_neither_figure() -> None:
    score = np.array([1.0, 0.9, 0.0, 50.0, -50.0])
    label = np.array([1, 1, 0, 0, 1])
    subject = np.array(["a", "a", "a", "b", ""])
    without, reference = with_reference(Scores(score, label, subject))
    assert (without, reference) == (1.0, 1.0)
    nobody = with_reference(Scores(score[3:], label[3:], np.array(["", ""])))
    assert all(math.isnan(value) for value in nobody)


def test_every_measure_is_that_of_scikit_learn() -> None:
    from sklearn.metrics import accuracy_score, balanced_accuracy_score, brier_score_loss, f1_score

    generator = np.random.default_rng(1)
    label, p_good = generator.integers(0, 2, 200), generator.random(200)
    found, said = measured(label, p_good), p_good > 0.5
    assert found["accuracy"] == pytest.approx(accuracy_score(label, said))
    assert found["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(label, said))
    assert found["f1"] == pytest.approx(f1_score(label, said))
    assert found["brier"] == pytest.approx(brier_score_loss(label, p_good))
    assert set(found) == set(MEASURES)


def test_within_subjects_each_counts_alike_and_one_label_leaves_no_area() -> None:
    group = np.array(["a"] * 4 + ["b"] * 2)
    label = np.array([1, 1, 0, 0, 1, 1])
    found = within(group, label, np.array([0.9, 0.2, 0.1, 0.3, 0.8, 0.9]))
    assert found["auc"] == 0.75 and found["balanced_accuracy"] == 0.75
    assert found["accuracy"] == pytest.approx((0.75 + 1) / 2)


def test_a_marked_reference_takes_the_place_of_the_first_good_squat() -> None:
    label = np.array([1, 1, 0, 1, 1, 0])
    subject = np.repeat(["a", "b"], 3)
    marked = np.array([False, True, False, False, False, False])
    scores = Scores(np.zeros(6), label, subject, marked)
    assert [chosen.tolist() for chosen in reference_choices(scores)] == [
        [1, 1, 1, 3, 3, 3],
        [1, 1, 1, 4, 4, 4],
    ]
    assert [chosen.tolist() for chosen in reference_choices(scores, False)] == [[1, 1, 1, -1, -1, -1]]
    assert reference_choices(Scores(np.zeros(6), label, subject), False) == []


def test_no_reference_is_in_a_figure_and_both_figures_are_of_the_same_rows() -> None:
    label, subject = np.array([1, 1, 0, 0]), np.array(["a"] * 4)
    seen: list[list[int]] = []

    def count(labels: np.ndarray, score: np.ndarray, rows: np.ndarray) -> float:
        seen.append(rows.tolist())
        return float(len(rows))

    over_references(Scores(np.arange(4.0), label, subject), count)
    assert seen == [[1, 2, 3], [1, 2, 3], [0, 2, 3], [0, 2, 3]]
