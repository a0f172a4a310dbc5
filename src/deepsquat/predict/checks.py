"""What is in order in a squat and what is not, one measure after the other, for whoever lifts."""

from collections.abc import Sequence

from deepsquat.champion import Champion
from deepsquat.measures import FAULTS, OF_FAULT, how_far
from deepsquat.predict.judging import Verdict

GOOD, NEAR, BAD = "in order", "near the limit", "not in order"
# By measure, what a lifter looks at.
_LOOKED_AT = {
    "depth": "depth",
    "lean": "back",
    "knee_width": "knees over the feet",
    "heel": "feet flat",
    "knees_forward": "knees behind the toes",
    "shift": "weight on both feet",
}


def checks(verdict: Verdict, champion: Champion) -> Sequence[tuple[str, str]]:
    """What is looked at, and GOOD, NEAR or BAD, of what can be seen from where the camera stands.

    Near a limit is what may lie on either side of it, by the error of its measure.
    """
    found: dict[str, str] = {}
    if champion.limits is None:
        return ()
    for fault in FAULTS:
        if (measure := OF_FAULT[fault]) not in verdict.measures:
            continue
        beyond = how_far(fault, verdict.measures, champion.limits)
        error = champion.errors.get(measure, {}).get(verdict.view or "", {}).get("error", 0.0)
        state = BAD if beyond > error else NEAR if beyond > -error / 2 else GOOD
        found[measure] = max(found.get(measure, GOOD), state, key=(GOOD, NEAR, BAD).index)
    return tuple((_LOOKED_AT[measure], state) for measure, state in found.items())
