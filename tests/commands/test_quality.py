"""How well a model judges, as its card says it."""

import numpy as np

from deepsquat import champion
from deepsquat.commands import card, quality
from deepsquat.evaluation.scores import Scores


def judged(people: int, subject: str = "person") -> quality.Measured:
    """Ten squats each, half of them good, whose scores tell them as well as not."""
    label = np.tile([0, 1], 5 * people)
    score = label + np.random.default_rng(0).normal(0, 1.5, len(label))
    who = np.array([f"{subject}{i}" if subject else "" for i in range(people)])
    return quality.of(champion.load(), Scores(score, label, np.repeat(who, 10)), 1 / (1 + np.exp(-score)))


def test_an_area_stands_with_its_interval_over_people() -> None:
    found = judged(12)
    assert found.auc_interval is not None
    low, high = found.auc_interval
    assert 0.5 < low < found.auc < high < 0.85
    text = card.card(champion.load(), {"people": found})
    assert f"| {found.auc:.3f} ({low:.3f} to {high:.3f}) |" in text


def test_few_or_unknown_people_have_none() -> None:
    assert judged(4).auc_interval is None
    assert judged(12, "").auc_interval is None
    assert quality.in_words(0.75, None) == "0.750"
