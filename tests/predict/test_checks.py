"""What is in order in a squat, and what is not."""

from dataclasses import replace

from deepsquat.measures import Limits
from deepsquat.predict.checks import BAD, GOOD, NEAR, checks
from deepsquat.predict.result import Result
from deepsquat.predict.terms import asked


def test_a_measure_is_near_its_limit_where_its_error_may_carry_it_over(known: Result) -> None:
    error = {"error": 5.0, "explained": 1.0}
    champion = replace(known.champion, errors={"lean": {"side": error}})
    assert champion.limits is not None and champion.limits.lean == 45
    for lean, state in [(30.0, GOOD), (42.0, GOOD), (43.0, NEAR), (49.0, NEAR), (51.0, BAD)]:
        verdict = replace(known.verdicts[0], view="side", measures={"lean": lean, "left_knee": 90.0})
        assert checks(verdict, champion) == (("back", state),)


def test_of_two_limits_of_one_measure_the_one_that_is_passed_counts(known: Result) -> None:
    for width, state in [(0.5, BAD), (2.0, GOOD), (4.5, BAD)]:
        verdict = replace(known.verdicts[0], view="front", measures={"knee_width": width})
        assert checks(verdict, known.champion) == (("knees over the feet", state),)
    assert checks(replace(known.verdicts[0], measures={}), known.champion) == ()


def test_what_is_asked_is_said_of_the_side_where_the_fault_lies() -> None:
    limits = Limits()
    assert [asked(fault, limits) for fault in ("too_shallow", "knees_caving", "knees_bowing", "toes_up")] == [
        "at most 7%", "at least 1.00", "at most 3.40", "at least -9°",
    ]  # fmt: skip
