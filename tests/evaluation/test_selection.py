"""The correction for a choice, on simulated studies whose truth is known."""

import numpy as np
import pytest

from deepsquat.evaluation.scores import auc
from deepsquat.evaluation.selection import corrected_best


def right(label: np.ndarray, score: np.ndarray) -> float:
    return float(np.mean((score > 0) == (label == 1)))


def study(rng: np.random.Generator, worth: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Answers (c, n) that are right as often as `worth` (c,) says, labels, and groups of one squat."""
    label = rng.permutation(np.arange(n) % 2)
    hit = rng.random((len(worth), n)) < worth[:, None]
    return np.where(hit, 1, -1) * np.where(label == 1, 1.0, -1.0), label, np.arange(n)


@pytest.mark.parametrize(
    "worth", [np.full(40, 0.5), np.full(20, 0.8), np.linspace(0.5, 0.8, 20), np.r_[np.full(30, 0.6), 0.95]]
)
def test_over_many_studies_the_corrected_score_is_the_truth_of_the_chosen_one(worth: np.ndarray) -> None:
    """The best score is above what the chosen one is worth; the corrected one, on average, is not."""
    rng = np.random.default_rng(0)
    flattered, missed = [], []
    for _ in range(25):
        said, label, group = study(rng, worth, 60)
        found = corrected_best(said, label, group, right, draws=80)
        assert found is not None and found.low <= found.corrected <= found.high
        flattered.append(found.chosen - worth[found.best])
        missed.append(found.corrected - worth[found.best])
    # Chosen anew on 63 of 100 squats the choice is a little worse, so that it errs on the safe side.
    assert -0.05 < np.mean(missed) < 0.015
    assert np.mean(flattered) > max(2 * abs(np.mean(missed)), 0.02) or worth[-1] == 0.95


def test_of_guessers_alone_the_best_looks_good_and_is_corrected_to_chance() -> None:
    rng = np.random.default_rng(1)
    found = [corrected_best(*study(rng, np.full(50, 0.5), 50), right, draws=100) for _ in range(15)]
    assert np.mean([one.chosen for one in found if one]) > 0.62
    assert np.mean([one.corrected for one in found if one]) == pytest.approx(0.5, abs=0.03)


def test_people_are_drawn_whole() -> None:
    """Ten people; each configuration is right on some of them by chance, on all squats of a person alike."""
    rng = np.random.default_rng(2)
    by_squat, by_person = [], []
    for _ in range(20):
        said, label, person = study(rng, np.full(30, 0.5), 10)
        many = [np.repeat(column, 8, axis=-1) for column in (said, label, person)]
        by_person.append(corrected_best(*many, right, draws=100))
        by_squat.append(corrected_best(many[0], many[1], np.arange(80), right, draws=100))
    assert np.mean([one.corrected for one in by_person if one]) == pytest.approx(0.5, abs=0.08)
    assert np.mean([one.corrected for one in by_squat if one]) > 0.7  # as if the people were known anew


def test_an_area_needs_both_labels_and_a_single_group_cannot_be_corrected() -> None:
    label = np.array([1, 0, 1, 0])
    said = np.array([[1.0, -1, 2, -2], [-1.0, 1, -2, 2]])
    found = corrected_best(said, label, np.arange(4), auc, draws=200)
    assert found is not None and (found.best, found.chosen, found.corrected) == (0, 1.0, 1.0)
    assert corrected_best(said, label, np.zeros(4), auc) is None
