"""How often what was said came true, against answers that are known."""

import numpy as np
import pytest

from deepsquat.evaluation.reliability import reliability
from deepsquat.runs.pictures import can_draw
from deepsquat.runs.reliability import Said, draw_reliability


def test_each_bin_says_its_share_with_wilsons_interval_over_groups() -> None:
    """Of .85, 5 in 10 are good: .237 to .763 of ten people, wider of two; of .05, none of five: 0 to .434."""
    p_good = np.array([0.85] * 10 + [0.05] * 5)
    label = np.array([1, 0] * 5 + [0] * 5)
    low, high = reliability(p_good, label, np.arange(15))
    assert (low.squats, low.good, low.low) == (5, 0.0, 0.0) and low.high == pytest.approx(0.4345, abs=1e-3)
    assert (high.squats, high.good, high.said) == (10, 0.5, pytest.approx(0.85))
    assert (high.low, high.high) == pytest.approx((0.2366, 0.7634), abs=1e-3)
    of_two = reliability(p_good, label, np.repeat(["a", "b", "c"], 5))[1]
    assert of_two.low < high.low and of_two.high > high.high


def test_the_ends_belong_to_the_first_and_the_last_bin() -> None:
    found = reliability(np.array([0.0, 1.0, 0.999]), np.array([0, 1, 1]), np.arange(3))
    assert [one.squats for one in found] == [1, 2]


@pytest.mark.skipif(not can_draw(), reason="matplotlib is not installed")
def test_it_is_drawn(tmp_path) -> None:
    rng = np.random.default_rng(0)
    p_good = rng.random(200)
    said = Said(p_good, (rng.random(200) < p_good).astype(int), np.arange(200))
    draw_reliability(tmp_path / "two.png", {"these": said, "those": said}, "Twice")
    draw_reliability(tmp_path / "one.png", {"these": said})
    one, two = ((tmp_path / f"{name}.png").read_bytes() for name in ("one", "two"))
    assert one.startswith(b"\x89PNG") and len(two) > len(one)
