"""Whether a difference is told from what seeds alone do."""

import numpy as np
import pytest

from deepsquat.paper.evidence import Pair, differs, holm, lower


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
    alarms = [differs(columns(random, 5, spread=spread), []).is_so for _ in range(600)]
    assert None not in alarms
    assert sum(map(bool, alarms)) / 600 < 0.05 + 2 * (0.05 * 0.95 / 600) ** 0.5


def test_false_alarms_are_five_in_a_hundred_with_one_seed_and_four_repetitions() -> None:
    random = np.random.default_rng(0)
    alarms = [differs(columns(random, 1), list(random.normal(0, 1, 4))).is_so is True for _ in range(1000)]
    assert sum(alarms) / 1000 < 0.05 + 2 * (0.05 * 0.95 / 1000) ** 0.5


def test_a_difference_is_found_and_none_is_claimed_from_one_seed() -> None:
    random = np.random.default_rng(0)
    assert differs(columns(random, 5, shift=10), []).is_so is True
    repeats = list(random.normal(0, 1, 6))
    assert differs(columns(random, 1, shift=100), repeats).is_so is True
    undecided = differs(columns(random, 1), repeats)
    assert undecided.is_so is None and "cannot show that there is none" in undecided.why
    assert differs(columns(random, 1), [1.0, 2.0]).is_so is None
    assert differs(columns(random, 1), []).is_so is None


def pairs(random: np.random.Generator, seeds: int, shift: float, number: int = 3) -> dict[str, Pair]:
    """So many pairs of groups of normal draws, the first of each by `shift` higher."""
    return {
        f"pair {i}": (list(random.normal(shift, 1, seeds)), list(random.normal(0, 1, seeds)))
        for i in range(number)
    }


@pytest.mark.parametrize("seeds", [1, 4])
def test_an_order_is_told_where_it_is_clear_and_by_chance_in_five_of_a_hundred(seeds: int) -> None:
    random = np.random.default_rng(0)

    def told(shift: float) -> bool | None:
        found = pairs(random, seeds, shift)
        return lower(found, found, [] if seeds > 2 else list(random.normal(0, 1, 6))).is_so

    assert told(-30) is True and told(30) is False
    assert [told(0) for _ in range(600)].count(None) / 600 > 0.95 - 2 * (0.05 * 0.95 / 600) ** 0.5


def test_an_order_needs_every_pair_and_one_seed_tells_nothing() -> None:
    random = np.random.default_rng(0)
    clear, unclear = pairs(random, 5, -30, 2), {"unclear": ([0.0, 1.0, 2.0], [0.1, 1.1, 2.1])}
    assert lower(clear, clear, []).is_so is True
    assert lower(clear | unclear, clear | unclear, []).is_so is None
    against = {"the other way": ([30.0, 31.0, 32.0], [0.0, 1.0, 2.0])}
    verdict = lower(clear | against, clear | against, [])
    assert verdict.is_so is False and "the other way round" in verdict.why
    one = pairs(random, 1, -30)
    assert lower(one, one, [1.0, 2.0]).is_so is None
    assert lower(one, one, [1.0, 1.0, 1.0]).is_so is None  # seeds that make no difference: not to be believed


def test_an_order_does_not_hold_where_one_step_of_it_is_clearly_the_other_way_round() -> None:
    first, last, low, high = ([value + step for step in (0.0, 0.01, 0.02)] for value in (1.3, 0.1, 0.2, 0.9))
    asked, steps = {"last below first": (last, first)}, {"down": (low, first), "up again": (high, low)}
    assert lower(asked, {"down": steps["down"]}, []).is_so is True
    assert lower(asked, steps, []).is_so is False


def test_students_test_by_hand() -> None:
    """Of 1, 2, 3: s = 1, two degrees; t = (0 - 2) / sqrt(2); p = (1 + t / sqrt(2 + t^2)) / 2 = 0.1464."""
    assert "p = 0.15 at a" in lower({"a": ([0.0], [2.0])}, {"a": ([0.0], [2.0])}, [1.0, 2.0, 3.0]).why
