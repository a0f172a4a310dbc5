"""Every measure has words, a unit and a way to be written; a new one too."""

import pytest

from deepsquat.measures import Limits
from deepsquat.predict.terms import LEG, in_centimetres, term


def test_a_measure_is_written_with_its_unit_and_its_limits() -> None:
    assert term("depth").said(0.141) == "14% of the leg's length"
    assert term("depth").said(-0.001) == "0% of the leg's length"
    assert term("lean").said(36.6) == "37°"
    assert term("depth").limit(Limits()) == "at most 7%"
    assert term("knee_width").limit(Limits()) == "at least 1.00 and at most 3.40"
    assert term("up").limit(Limits()) == ""


@pytest.mark.parametrize(
    ("name", "said"), [("trunk_angle", "12°"), ("hold_seconds", "12 s"), ("reach_cm", "12 cm (estimate)")]
)
def test_a_measure_that_is_not_known_appears_by_its_name(name: str, said: str) -> None:
    assert term(name).words == name.rpartition("_")[0] and term(name).said(12.3) == said
    assert term("some_other").words == "some other" and term("some_other").said(12.346) == "12.35"


def test_lengths_in_centimetres_are_shares_of_a_leg_that_is_estimated() -> None:
    assert in_centimetres({"depth": 0.1, "lean": 40.0}, 178) == {
        "depth_cm": pytest.approx(LEG * 17.8, abs=0.05)
    }
    assert term("depth_cm").unit == "cm (estimate)"
