"""What stands over the video at every time."""

from deepsquat.predict.captions import AFTER, captions
from deepsquat.predict.judging import Verdict


def verdict(start: float | None, end: float | None, kind: str = "good", **more) -> Verdict:
    partial = start is None or end is None
    values = {"reasons": (), "faults": (), "measures": {}, "p_good": 0.9} | more
    return Verdict(start, 0.0, end, partial, kind, **values)


def test_each_squat_has_its_verdict_and_between_them_stands_the_count() -> None:
    shallow = {
        "reasons": ("the hips stay too high (hips above the knees: 14%)", "the trunk leans far forward"),
        "faults": ("too_shallow",),
        "measures": {"depth": 0.14},
        "p_good": 0.06,
    }
    said = captions([verdict(1, 3, "bad", **shallow), verdict(10, 12)])
    assert [one.begin for one in said] == [0, 1, 3 + AFTER, 10, 12 + AFTER]
    assert [one.title for one in said] == [
        "Squats so far: 0 of 2",
        "Squat 1 of 2: not good, chance of good form 6%",
        "Squats so far: 1 of 2",
        "Squat 2 of 2: good, chance of good form 90%",
        "Squats so far: 2 of 2",
    ]
    assert said[1].lines == ("the hips stay too high (hips above the knees: 14%)",)
    assert said[1].faulty == ("thigh",) and said[3].faulty == ()
    assert said[1].colour != said[3].colour


def test_a_squat_that_is_cut_off_is_not_counted() -> None:
    off = {"reasons": ("the clip begins inside it",), "p_good": None}
    said = captions([verdict(None, 1, "cannot_tell", **off), verdict(1.5, 4)])
    assert [(one.begin, one.title) for one in said] == [
        (0, "A squat cut off: cannot tell"),
        (1.5, "Squat 1 of 1: good, chance of good form 90%"),
        (4 + AFTER, "Squats so far: 1 of 1"),
    ]


def test_a_video_without_squats_says_so() -> None:
    assert [one.title for one in captions([])] == ["no whole squat"]
