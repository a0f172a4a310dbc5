"""What a lifter can do: about a fault, and about the way of filming."""

from collections.abc import Mapping, Sequence

import numpy as np

from deepsquat.measures import Limits
from deepsquat.predict.captions import first_fault
from deepsquat.predict.judging import Verdict, is_below_asked
from deepsquat.predict.poses import Poses
from deepsquat.predict.terms import term
from deepsquat.repetitions import FEWEST, find

CUES = {
    "too_shallow": "Go lower, until the thighs are level with the floor, as far as that is comfortable.",
    "leaning": "Keep the chest up: sit down between the feet rather than far back.",
    "knees_caving": "Push the knees outwards, over the toes, all the way down and up.",
    "knees_bowing": "Let the knees point where the toes point, and no further out.",
    "heels_up": "Keep the whole foot on the floor, with the weight over its middle.",
    "toes_up": "Keep the whole foot on the floor, with the weight over its middle.",
    "knees_forward": "Begin with the hips going back, so that the knees stay nearer to the toes.",
    "shifted": "Put as much weight on one foot as on the other, the hips in the middle between them.",
}
_DEEPER = "Go lower, until the hips are well below the knees, as far as that is comfortable."
FILMING = (
    "All of the body in the picture, head to feet, from 3 to 5 metres.",
    "The camera still, at the height of the hips; upright for one lifter.",
    "Half from the front. From the side nobody can see whether the knees fall in, from the front hardly how "
    "far the trunk leans.",
    "Light from where the camera stands, nobody else near the lifter, and legs that no plates or bench hide.",
    "Two seconds of standing before the first squat and after the last.",
)


ENOUGH = 0.5  # of a video's pictures: where a body is followed in fewer, that is why no squat is found
_SLOW = (2.0, 4.0, 8.0, 16.0)  # that slow motion may be


def why_none(poses: Poses, slowed: float) -> str:
    """Why no squat may have been found in a video, and what to do; "" where nothing is known of that.

    slowed: as it was looked at.
    """
    if not len(poses.time):
        return ""
    seen = poses.seen
    apart = float(np.median(np.diff(poses.time))) / slowed if len(poses.time) > 1 else 0.0
    if apart * FEWEST > 1.1:  # a little more apart is as good
        return f"it has {1 / apart:.1f} pictures a second, and a squat is followed from {FEWEST} on"
    if seen < ENOUGH:
        return (
            f"a body was followed in {seen:.0%} of its pictures: it may be too small, too dark or partly "
            "hidden; film from nearer"
        )
    aspect = float(poses.aspect[0])
    if any(find(poses.time, poses.landmarks, aspect, slowed * more) for more in _SLOW):
        return "there may be one in slow motion; if it is, say how many times slower, as slowed=8"
    return ""


def differences(one: Mapping[str, float], other: Mapping[str, float]) -> list[str]:
    """In words of what a lifter feels, in what the second of two squats is unlike the first."""
    said = []
    for name, more, less, least in (
        ("up", "slower on the way up", "faster on the way up", 0.2),
        ("depth", "less deep", "deeper", 0.05),  # about what one reading of a model errs by
        ("lean", "leaning further", "more upright", 7.0),
    ):
        if name in one and name in other and abs(by := other[name] - one[name]) >= least:
            said.append(f"{more if by > 0 else less} by {term(name).said(abs(by))}")
    return said


def first_change(
    verdicts: Sequence[Verdict],
    none: str = "",
    reference: Mapping[str, float] | None = None,
    limits: Limits | None = None,
) -> tuple[str, str]:
    """The one thing to change first, as a request, and why; of squats that are not cut off.

    none: as `why_none` says it. reference: the measures of a good squat of the same person, where these were
    judged beside it. limits: of the standard that they were judged by.
    """
    bad = [verdict for verdict in verdicts if verdict.verdict == "bad"]
    named = [fault for verdict in bad if (fault := first_fault(verdict))]
    if named:
        most = max(dict.fromkeys(named), key=named.count)
        example = next(verdict for verdict in bad if first_fault(verdict) == most)
        why = f"In {named.count(most)} of {len(verdicts)} squats {example.reasons[0]}."
        return _DEEPER if is_below_asked(most, limits) else CUES.get(most, f"{example.reasons[0]}."), why
    if bad and reference and (unlike := differences(reference, bad[0].measures)):
        return "Squat as in the reference.", f"The first that is not good is unlike it: {'; '.join(unlike)}."
    if bad:
        return "No single thing.", f"In {len(bad)} of {len(verdicts)} squats {bad[0].reasons[0]}."
    if any(verdict.verdict == "good" for verdict in verdicts):
        return "Nothing.", "No squat of this video was judged as not good."
    seen = next((verdict for verdict in verdicts if verdict.p_good is not None), None)
    if seen is not None:  # well enough; it is the verdict that is not plain
        return "No single thing.", f"No squat could be told good or bad: {seen.reasons[0]}."
    if verdicts:
        return "The way of filming.", f"No squat could be judged: {verdicts[0].reasons[0]}."
    return "The way of filming.", f"No whole squat was found{f': {none}' if none else ''}."
