"""What a page says of all the squats together: the best beside the worst, the change, what counts."""

from collections.abc import Mapping
from html import escape

import numpy as np

from deepsquat.predict.captions import WORDS, named
from deepsquat.predict.judging import Verdict
from deepsquat.predict.result import Result
from deepsquat.predict.terms import term

COLUMNS = ("depth", "lean", "knee_width", "down", "pause", "up")  # of the table over the set
LEAST = 0.005  # of a probability: less is no change


def best_and_worst(result: Result, pictures: Mapping[int, str]) -> str:
    """Side by side, with the measures of both; "" for fewer than two that have a probability."""
    judged = [
        (verdict.p_good, number, verdict) for number, verdict in result.whole if verdict.p_good is not None
    ]
    if len(judged) < 2:
        return ""
    best, worst = max(judged, key=lambda one: one[0]), min(judged, key=lambda one: one[0])
    if best[1] == worst[1]:
        return ""
    place = {id(verdict): i for i, verdict in enumerate(result.verdicts)}
    cards = "".join(
        f"<div><h3>{words}: {named(number)}</h3>{pictures.get(place[id(verdict)], '')}"
        f"<p>{WORDS[verdict.verdict]}, {p_good:.0%} likely good</p></div>"
        for words, (p_good, number, verdict) in (("Best", best), ("Worst", worst))
    )
    rows = "".join(
        f"<tr><td>{escape(term(name).words)}<td>{escape(term(name).said(value))}"
        f"<td>{escape(term(name).said(worst[2].measures[name]))}"
        for name, value in best[2].measures.items()
        if name in worst[2].measures
    )
    table = f"<table><tr><th><th>best<th>worst{rows}</table>" if rows else ""
    return (
        f'<h2>The best and the worst</h2><div class="two">{cards}</div>'
        f'<details><summary>Measures of both</summary><div class="wide">{table}</div></details>'
    )


def change(result: Result) -> str:
    """Squat by squat, and what has changed from the first to the last; "" for fewer than two."""
    whole = result.whole
    if len(whole) < 2:
        return ""
    names = [name for name in COLUMNS if any(name in verdict.measures for _, verdict in whole)]
    head = "<tr><th>squat<th>verdict<th>likely good" + "".join(_heading(name) for name in names)
    rows = "".join(_row(number, verdict, names) for number, verdict in whole)
    said = _first_to_last(whole[0][1], whole[-1][1])
    return f'<h2>Over the set</h2>{said}<div class="wide"><table>{head}{rows}</table></div>'


def _heading(name: str) -> str:
    one = term(name)
    unit = "" if one.unit in ("", "degrees") else f", {one.unit}"
    return f"<th>{escape(one.words)}{escape(unit)}"


def _row(number: int, verdict: Verdict, names: list[str]) -> str:
    likely = "" if verdict.p_good is None else f"{verdict.p_good:.0%}"
    cells = [str(number), WORDS[verdict.verdict], likely]
    cells += [term(name).number(verdict.measures[name]) if name in verdict.measures else "" for name in names]
    return "<tr>" + "".join(f"<td>{escape(cell)}" for cell in cells)


def _first_to_last(first: Verdict, last: Verdict) -> str:
    """In words, of what a lifter feels: how long the way up takes, and how deep it goes."""
    said = []
    for name, more, less, least in (
        ("up", "slower on the way up", "faster on the way up", 0.2),
        ("depth", "less deep", "deeper", 0.03),
        ("lean", "leaning further", "more upright", 4.0),
    ):
        if name in first.measures and name in last.measures:
            by = last.measures[name] - first.measures[name]
            if abs(by) >= least:
                said.append(f"{more if by > 0 else less} by {term(name).said(abs(by))}")
    if not said:
        return "<p>From the first to the last squat little has changed.</p>"
    return f"<p>The last squat, beside the first: {escape('; '.join(said))}.</p>"


def limbs(result: Result) -> str:
    """What the verdicts rest on: the mean change of the probability without each part of the body."""
    told = [one for one in result.without_limbs if one]
    if not told:
        return ""
    means = {name: float(np.mean([one[name] for one in told])) for name in told[0]}
    shown = sorted(means.items(), key=lambda item: -abs(item[1]))
    rows = "".join(_bar(name, mean) for name, mean in shown)
    return (
        "<h2>What the verdict looks at</h2><p>How the probability of a good squat changes, on average, when "
        "one part of the body is left out of the picture that the network sees. A part that changes nothing "
        "has no say in the verdict.</p>"
        f'<div class="wide"><table class="bars">{rows}</table></div>'
    )


def _bar(name: str, mean: float) -> str:
    said = "no change" if abs(mean) < LEAST else f"{100 * mean:+.0f} points"
    side = "more" if mean > 0 else "less"
    return (
        f"<tr><td>without the {escape(name)}<td>{said}"
        f'<td><i class="{side}" style="width:{min(abs(mean), 1) * 100:.0f}%"></i>'
    )
