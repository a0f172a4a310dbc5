"""What stands over a video while it plays: the count, each squat's verdict, and what failed in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from deepsquat.predict.tables import numbers

if TYPE_CHECKING:  # it takes torch, which no process that draws needs
    from deepsquat.predict.judging import Verdict

WORDS = {"good": "good", "bad": "not good", "cannot_tell": "cannot tell"}
COLOURS = {"good": (28, 110, 52), "bad": (170, 40, 32), "cannot_tell": (80, 80, 80)}  # behind white text
BETWEEN = (38, 38, 42)
AFTER = 1.0  # seconds that a verdict stays when its squat has ended
# The parts of the body that a fault shows in, as `drawing` calls them.
_SHOWN = {
    "too_shallow": ("thigh",),
    "leaning": ("trunk",),
    "knees_caving": ("thigh", "shin"),
    "knees_bowing": ("thigh", "shin"),
    "heels_up": ("foot",),
    "toes_up": ("foot",),
    "knees_forward": ("shin",),
    "shifted": ("hips", "shoulders"),
}


@dataclass(frozen=True)
class Caption:
    """From one time on, in seconds, until the next caption. Plain data: it goes to another process."""

    begin: float
    title: str
    lines: tuple[str, ...] = ()
    colour: tuple[int, int, int] = BETWEEN  # RGB
    faulty: tuple[str, ...] = ()  # parts of the body that are drawn as such


def captions(verdicts: Sequence["Verdict"]) -> list[Caption]:
    """In order of time, the first from the video's beginning."""
    numbered = numbers(verdict.partial for verdict in verdicts)
    total = max((number for number in numbered if number is not None), default=0)
    found = [Caption(0.0, _count(0, total))]
    for i, (number, verdict) in enumerate(zip(numbered, verdicts, strict=True)):
        begin = verdict.start if verdict.start is not None else found[-1].begin
        found.append(_of(verdict, number, total, begin))
        if verdict.end is None:
            continue
        after = verdict.end + AFTER
        following = verdicts[i + 1].start if i + 1 < len(verdicts) else None
        if following is None or following > after:
            done = max((n for n in numbered[: i + 1] if n is not None), default=0)
            found.append(Caption(after, _count(done, total)))
    return [
        one for one, two in zip(found, [*found[1:], None], strict=True) if not two or two.begin > one.begin
    ]


def _count(done: int, total: int) -> str:
    if not total:
        return "no whole squat"
    return f"Squats so far: {done} of {total}"


def _of(verdict: "Verdict", number: int | None, total: int, begin: float) -> Caption:
    title = f"{named(number, total)}: {WORDS[verdict.verdict]}"
    if verdict.p_good is not None:
        title += f", {chance(verdict.p_good)}"
    shown = shown_in(first_fault(verdict))
    return Caption(begin, title, verdict.reasons[:1], COLOURS[verdict.verdict], shown)


def named(number: int | None, total: int | None = None) -> str:
    """What a squat is called; number: None where the clip cuts it off."""
    if number is None:
        return "A squat cut off"
    return f"Squat {number}" + (f" of {total}" if total else "")


def chance(p_good: float) -> str:
    """How a probability of good form is said."""
    return f"chance of good form {p_good:.0%}"


def first_fault(verdict: "Verdict") -> str:
    """The plainest one of a squat that is not good; "" where none is named."""
    return verdict.faults[0] if verdict.verdict == "bad" and verdict.faults else ""


def shown_in(fault: str) -> tuple[str, ...]:
    """The parts of the body that a fault shows in."""
    return _SHOWN.get(fault, ())
