"""Whether a difference between kernels is told from what seeds alone do."""

import numpy as np
import pytest

from deepsquat.paper.evidence import differs, holm


def test_holm_by_hand() -> None:
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([0.5, float("nan"), 0.9]) == [1.0, 1.0, 1.0]


def columns(random: np.random.Generator, seeds: int, shift: float = 0.0, spread: float = 1.0) -> dict:
    """Three columns of three groups of normal draws, the last group moved and wider."""
    return {
        f"L2 {i}": [
            list(random.normal(0, 1, seeds)),
            list(random.normal(0, 1, seeds)),
            list(random.normal(shift, spread, seeds)),
        ]
        for i in range(3)
    }


@pytest.mark.parametrize("spread", [1.0, 3.0])
def test_false_alarms_are_five_in_a_hundred_with_five_seeds_everywhere(spread: float) -> None:
    random = np.random.default_rng(0)
    alarms = [differs(columns(random, 5, spread=spread), []).differs for _ in range(600)]
    assert None not in alarms
    assert sum(map(bool, alarms)) / 600 < 0.05 + 2 * (0.05 * 0.95 / 600) ** 0.5


def test_false_alarms_are_five_in_a_hundred_with_one_seed_and_four_repetitions() -> None:
    random = np.random.default_rng(0)
    alarms = [differs(columns(random, 1), list(random.normal(0, 1, 4))).differs is True for _ in range(1000)]
    assert sum(alarms) / 1000 < 0.05 + 2 * (0.05 * 0.95 / 1000) ** 0.5


def test_a_difference_is_found_and_none_is_claimed_from_one_seed() -> None:
    random = np.random.default_rng(0)
    assert differs(columns(random, 5, shift=10), []).differs is True
    repeats = list(random.normal(0, 1, 6))
    assert differs(columns(random, 1, shift=100), repeats).differs is True
    undecided = differs(columns(random, 1), repeats)
    assert undecided.differs is None and "cannot show that there is none" in undecided.why
    assert differs(columns(random, 1), [1.0, 2.0]).differs is None
    assert differs(columns(random, 1), []).differs is None
