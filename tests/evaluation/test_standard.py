"""A standard of one's own against labels whose standard is known."""

import numpy as np
import pytest

from deepsquat.evaluation.scores import Scores
from deepsquat.evaluation.standard import own_standard


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
