import numpy as np
import pytest

from deepsquat.trainer.predictions import Predictions, confusion, wilson_interval


def test_a_squat_is_judged_by_the_mean_over_its_images() -> None:
    found = Predictions(
        row=np.arange(4),
        squat=np.array([0, 1, 0, 1]),
        label=np.array([1, 0, 1, 0]),
        p_good=np.array([0.9, 0.6, 0.3, 0.1]),
    )
    label, p_good = found.per_squat()
    np.testing.assert_array_equal(label, [1, 0])
    np.testing.assert_allclose(p_good, [0.6, 0.35])
    np.testing.assert_array_equal(confusion(found.label, found.p_good), [[1, 1], [1, 1]])
    np.testing.assert_array_equal(confusion(label, p_good), [[1, 0], [0, 1]])


def test_wilson_interval_of_nine_in_ten() -> None:
    """Newcombe (1998), method 3: 0.596 to 0.982."""
    assert wilson_interval(9, 10) == pytest.approx((0.596, 0.982), abs=0.001)
    assert wilson_interval(10, 10)[1] == 1.0
