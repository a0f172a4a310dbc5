"""What squats of people left out say of a probability, against answers that are known."""

import numpy as np
import pytest

from deepsquat.commands.left_out import LeftOut, by_the_others, calibrated
from deepsquat.evaluation.out_of_fold import Squats
from deepsquat.evaluation.scores import Scores


def scores(n: int, begins: float, seed: int) -> Scores:
    """Good ones one above where good begins, bad ones one below, of one spread, by four people."""
    label = np.tile([0, 1], n // 2)
    score = begins + 2.0 * (label - 0.5) + np.random.default_rng(seed).normal(0, 1, n)
    return Scores(score, label, np.repeat(["a", "b", "c", "d"], n // 4))


def squats(of: Scores, names: list[str]) -> Squats:
    return Squats(np.array(names), of, np.zeros(len(names), int), of.subject)


def test_real_and_made_up_squats_have_as_much_weight() -> None:
    """Good begins at -2 among 400 real ones and at 0 among 8,000 made up: in the middle, at -1."""
    slope, offset = calibrated(scores(400, -2.0, 1), scores(8000, 0.0, 2))
    assert -offset / slope == pytest.approx(-1.0, abs=0.15)


def test_a_network_that_ranks_the_wrong_way_round_gets_the_largest_temperature() -> None:
    turned = scores(400, 0.0, 3)
    slope, _ = calibrated(Scores(turned.score, 1 - turned.label, turned.subject), turned)
    assert 0 < slope <= 0.1


def test_nobodys_own_labels_are_in_the_numbers_they_are_judged_by() -> None:
    real, made_up = scores(80, -2.0, 4), scores(200, 0.0, 5)
    names = [f"squat{i}" for i in range(80)]
    found = by_the_others(squats(real, names), made_up)
    turned = Scores(real.score, np.where(real.subject == "a", 1 - real.label, real.label), real.subject)
    other = by_the_others(squats(turned, names), made_up)
    np.testing.assert_allclose(found[real.subject == "a"], other[real.subject == "a"])
    assert not np.allclose(found[real.subject == "b"], other[real.subject == "b"])


def test_squats_are_told_apart_by_the_cameras_in_their_names() -> None:
    real = scores(8, 0.0, 6)
    seen = ["0", "-180", "30", "-30", "90", "0", "150", "-60"]
    left = LeftOut("run", None, squats(real, [f"real/x#{i}@{yaw}" for i, yaw in enumerate(seen)]))  # type: ignore[arg-type]
    found = {name: np.flatnonzero(rows).tolist() for name, rows in left.views().items()}
    assert list(found) == ["front", "oblique", "side", "back_oblique", "back"]
    assert found["front"] == [0, 5] and found["oblique"] == [2, 3, 7] and found["back"] == [1]
    assert left.scores(left.views()["oblique"]).subject.tolist() == ["b@30", "b@-30", "d@-60"]
    alone = LeftOut("run", None, squats(real, [f"x#{i}" for i in range(8)]))  # type: ignore[arg-type]
    assert {name: rows.sum() for name, rows in alone.views().items()} == {"all": 8}
    assert alone.scores(alone.views()["all"]).subject.tolist() == real.subject.tolist()
