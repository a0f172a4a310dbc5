"""The squats that a network judged most wrongly."""

import numpy as np

from deepsquat.runs.mistakes import MOST, worst
from deepsquat.split import Item
from deepsquat.trainer.predictions import Predictions


def predicted(labels: list[int], p_good: list[list[float]]) -> Predictions:
    """p_good: of the images of each squat."""
    squat = np.repeat(np.arange(len(labels)), [len(images) for images in p_good])
    items = [Item(f"a.mp4#{i}", "a.mp4", "", label) for i, label in enumerate(labels)]
    said = np.concatenate(p_good)
    return Predictions(np.arange(len(squat)), squat, np.array(labels)[squat], said, items)


def test_each_squat_comes_once_with_the_image_that_was_most_wrong() -> None:
    found = predicted([0, 1, 0], [[0.6, 0.9, 0.7], [0.2, 0.9], [0.8, 0.95]])
    mistakes, count = worst(found, np.array([10, 11, 12, 20, 21, 30, 31]))
    assert count == 2  # the good one is right by its mean
    assert [(one.squat, one.row) for one in mistakes] == [("a.mp4#2", 31), ("a.mp4#0", 11)]
    assert mistakes[0].caption("back_bent+heels_up") == "bad, said 88% good\nback bent, heels up\na.mp4#2"
    assert mistakes[1].caption("") == "bad, said 73% good\nno fault is named\na.mp4#0"


def test_no_more_than_fit_on_a_picture_are_shown() -> None:
    n = MOST + 3
    mistakes, count = worst(predicted([1] * n, [[0.1]] * n), np.arange(n))
    assert (len(mistakes), count) == (MOST, n)
