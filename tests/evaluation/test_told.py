"""The fewer squats are told, the farther they are from the threshold."""

import numpy as np
import pytest

from deepsquat.evaluation.told import MARGINS, curve, rows


def test_told_and_right_are_counted_at_every_margin() -> None:
    p_good = np.array([0.95, 0.62, 0.45, 0.10])
    found = {one.margin: one for one in curve(p_good, np.array([1, 0, 1, 0]), 0.5)}
    assert tuple(found) == MARGINS
    assert (found[0.0].told, found[0.0].right) == (1.0, 0.5)
    assert (found[0.1].told, found[0.1].right) == (0.75, pytest.approx(2 / 3))
    assert (found[0.2].told, found[0.2].right) == (0.5, 1.0)
    assert found[0.5].told == 0.0 and np.isnan(found[0.5].right)


def test_a_row_has_its_source_and_margin() -> None:
    told = curve(np.array([0.9, 0.2]), np.array([1, 0]), 0.5)
    assert rows({"drawn": told})[0] == ("drawn", "0.00", "1.000", "1.000")
    assert len(rows({"drawn": told, "lab": told})) == 2 * len(MARGINS)
