import numpy as np
import pytest

from deepsquat.split import Item
from deepsquat.trainer.predictions import Predictions, confusion, interval


def test_a_squat_is_judged_by_the_mean_over_its_images() -> None:
    found = Predictions(
        row=np.arange(4),
        squat=np.array([0, 1, 0, 1]),
        label=np.array([1, 0, 1, 0]),
        p_good=np.array([0.9, 0.6, 0.3, 0.1]),
        squats=[Item("a#0", "a", "", 1), Item("b#0", "b", "", 0)],
    )
    label, p_good = found.per_squat()
    np.testing.assert_array_equal(label, [1, 0])
    np.testing.assert_allclose(p_good, [0.6, 0.35])
    np.testing.assert_array_equal(confusion(found.label, found.p_good), [[1, 1], [1, 1]])
    np.testing.assert_array_equal(confusion(label, p_good), [[1, 0], [0, 1]])


def judged(right: list[list[int]], subject: str = "") -> Predictions:
    """Squats of label 1, one image each; right: for each video whether its squats are judged rightly."""
    items = [
        Item(f"{v}#{i}", f"{v}", subject and f"{subject} {v // 2}", 1)
        for v, squats in enumerate(right)
        for i in range(len(squats))
    ]
    p_good = np.array([0.9 if hit else 0.1 for squats in right for hit in squats])
    number = np.arange(len(items))
    return Predictions(number, number, np.ones(len(items), int), p_good, items)


def test_squats_of_one_video_count_as_one_where_they_are_alike() -> None:
    alike = interval(judged([[1] * 8] * 8 + [[0] * 8] * 4))
    mixed = interval(judged([[1, 1, 0, 1, 1, 0, 1, 0], [1, 0, 1, 1, 0, 1, 1, 1]] * 6))
    assert alike.over == mixed.over == "12 videos"
    assert alike.low is not None and alike.high is not None and mixed.low is not None
    # Eight of twelve: the t interval of their mean is 0.35 to 0.98, and a draw moves by twelfths.
    assert (alike.low, alike.high) == pytest.approx((0.35, 0.98), abs=1 / 12)
    assert mixed.low > 0.6  # the videos agree, so that the same share is known better
    assert interval(judged([[1] * 8] * 8 + [[0] * 8] * 4)) == alike


def test_the_interval_is_over_subjects_where_every_squats_is_known() -> None:
    assert interval(judged([[1], [0]] * 12, "p")).over == "12 subjects all alike"
    assert interval(judged([[1], [0], [1], [1]] * 6, "p")).over == "12 subjects"


def test_no_interval_is_made_up_for_few_videos_or_where_all_are_alike() -> None:
    few, alike = interval(judged([[1, 0]] * 4)), interval(judged([[1, 1]] * 9))
    assert (few.low, few.high, few.over) == (None, None, "4 videos are too few")
    assert (alike.low, alike.high, alike.over) == (None, None, "9 videos all alike")


def test_nine_videos_of_ten_squats_cover_the_truth_about_as_often_as_said() -> None:
    """With videos whose shares scatter; what counts squats as independent covers it in 3 of 4 cases."""
    random = np.random.default_rng(0)
    held = 0
    for _ in range(200):
        shares = random.beta(0.8 * 4, 0.2 * 4, 9)
        found = interval(judged([list(random.binomial(1, share, 10)) for share in shares]))
        held += found.low is not None and found.high is not None and found.low <= 0.8 <= found.high
    assert held / 200 > 0.87
