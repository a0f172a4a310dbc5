"""What a page says of all squats together: best, worst, reference side by side; the change; what counts."""

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

from deepsquat.predict.advice import differences
from deepsquat.predict.captions import WORDS, chance, named
from deepsquat.predict.judging import Verdict
from deepsquat.predict.result import Result
from deepsquat.predict.terms import term

COLUMNS = ("depth", "lean", "knee_width", "down", "pause", "up")  # of the table over the set
_LITTLE = "From the first to the last squat little has changed."
LEAST = 0.005  # of a probability: less is no change


def best_and_worst(result: Result, pictures: Mapping[int, str], reference: str) -> str:
    """Side by side, with their measures, and beside the reference where there is one.

    reference: its picture. "" for fewer than two squats that can be shown.
    """
    place = {id(verdict): i for i, verdict in enumerate(result.verdicts)}
    whole = result.whole
    judged = [(verdict.p_good, number, verdict) for number, verdict in whole if verdict.p_good is not None]
    shown: list[tuple[str, str, str, Mapping[str, float]]] = []  # heading, picture, what is said, measures
    if (good := result.reference) is not None:
        said = f"known to be good, {good.video.name} at {good.bottom:.1f} s"
        shown.append(("Reference", reference, said, good.measures))
    ranked = sorted(judged, key=lambda one: -one[0])
    for words, (p_good, number, verdict) in zip(
        ("Best", "Worst"), (*ranked[:1], *ranked[1:][-1:]), strict=False
    ):
        picture = pictures.get(place[id(verdict)], "")
        said = f"{WORDS[verdict.verdict]}, {chance(p_good)}"
        heading = f"{words}: {named(number)}" if len(ranked) > 1 else named(number)
        shown.append((heading, picture, said, verdict.measures))
    if len(shown) < 2:
        return ""
    unlike = differences(shown[0][-1], shown[-1][-1]) if good else []
    said = f"{shown[-1][0]}, beside the reference: {'; '.join(unlike)}." if unlike else ""
    return _side_by_side(shown, said)


def _side_by_side(shown: Sequence[tuple[str, str, str, Mapping[str, float]]], said_of_them: str) -> str:
    """shown: of each its heading, its picture, what is said of it, and its measures."""
    cards = "".join(
        f"<div><h3>{escape(heading)}</h3>{picture}<p>{escape(said)}</p></div>"
        for heading, picture, said, _ in shown
    )
    every = [name for name in shown[0][-1] if all(name in measures for *_, measures in shown)]
    rows = "".join(
        f"<tr><td>{escape(term(name).words)}"
        + "".join(f"<td>{escape(term(name).said(measures[name]))}" for *_, measures in shown)
        for name in every
    )
    heads = "".join(f"<th>{escape(heading)}" for heading, *_ in shown)
    table = f"<table><tr><th>{heads}{rows}</table>" if rows else ""
    return (
        f'<h2>Side by side</h2><div class="side">{cards}</div><p>{escape(said_of_them)}</p>'
        f'<details><summary>Their measures</summary><div class="wide">{table}</div></details>'
    )


def change(result: Result) -> str:
    """Squat by squat, and what has changed from the first to the last; "" for fewer than two."""
    whole = result.whole
    if len(whole) < 2:
        return ""
    names = [name for name in COLUMNS if any(name in verdict.measures for _, verdict in whole)]
    head = "<tr><th>squat<th>verdict<th>chance of good form" + "".join(_heading(name) for name in names)
    rows = "".join(_row(number, verdict, names) for number, verdict in whole)
    said = "; ".join(differences(whole[0][1].measures, whole[-1][1].measures))
    over = f"The last squat, beside the first: {said}." if said else _LITTLE
    return f'<h2>Over the set</h2><p>{escape(over)}</p><div class="wide"><table>{head}{rows}</table></div>'


def _heading(name: str) -> str:
    one = term(name)
    unit = "" if one.unit in ("", "degrees") else f", {one.unit}"
    return f"<th>{escape(one.words)}{escape(unit)}"


def _row(number: int, verdict: Verdict, names: list[str]) -> str:
    likely = "" if verdict.p_good is None else f"{verdict.p_good:.0%}"
    cells = [str(number), WORDS[verdict.verdict], likely]
    cells += [term(name).number(verdict.measures[name]) if name in verdict.measures else "" for name in names]
    return "<tr>" + "".join(f"<td>{escape(cell)}" for cell in cells)


def limbs(result: Result) -> str:
    """What the verdicts rest on: the mean change of the probability without each part of the body."""
    told = [one for one in result.without_limbs if one]
    if not told:
        return ""
    means = {name: float(np.mean([one[name] for one in told])) for name in told[0]}
    shown = sorted(means.items(), key=lambda item: -abs(item[1]))
    rows = "".join(_bar(name, mean) for name, mean in shown)
    return (
        "<details><summary>What the verdict looks at</summary><p>How the chance of good form changes, on "
        "average, when one part of the body is left out of the picture that the program judges by. It says "
        "what the verdict rests on, not what is wrong with a squat.</p>"
        f'<div class="wide"><table class="bars">{rows}</table></div></details>'
    )


def _bar(name: str, mean: float) -> str:
    said = "no change" if abs(mean) < LEAST else f"{100 * mean:+.0f} points"
    side = "more" if mean > 0 else "less"
    return (
        f"<tr><td>without the {escape(name)}<td>{said}"
        f'<td><i class="{side}" style="width:{min(abs(mean), 1) * 100:.0f}%"></i>'
    )
