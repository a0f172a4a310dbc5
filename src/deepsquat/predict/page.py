"""One page for each video, which needs no network and no script, and is read by whoever lifts."""

import base64
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote

import numpy as np

from deepsquat.champion import Champion
from deepsquat.predict import checks, comparison, document
from deepsquat.predict.advice import FILMING, first_change
from deepsquat.predict.captions import COLOURS, WORDS, chance, named
from deepsquat.predict.judging import Verdict
from deepsquat.predict.plots import Line, Span, pieces, plot
from deepsquat.predict.result import Result
from deepsquat.predict.sheet import jpeg
from deepsquat.predict.tables import numbers
from deepsquat.predict.terms import term

_FACES = (
    "Faces are hidden of everybody whose body was found. One that is small, in a mirror or behind something "
    "may be left: look before you pass the pictures on."
)
_LINES = (
    '<p class="small">Blue is the body\'s left side, orange its right one; red is to change, yellow how '
    "far down the hips should come.</p>"
)
_LEFT, _RIGHT = "#1f77c8", "#d9780f"


def write(
    path: Path,
    result: Result,
    shown: Mapping[int, np.ndarray],
    reference: np.ndarray | None,
    film: str,
    faces_hidden: bool = False,
) -> None:
    """Writes the page.

    Args:
        shown: by a squat's place among the verdicts, the picture of its bottom.
        reference: the picture of the good squat beside which it is judged, where there is one.
        film: the annotated video's name, in the page's folder; "" where there is none.
    """
    pictures = {place: _image(picture) for place, picture in shown.items()}
    parts = [
        _head(result),
        '<div class="beside">',
        _film(film),
        "<div>" + (_LINES if pictures else "") + "".join(_squats(result, pictures, film)) + "</div></div>",
        comparison.best_and_worst(result, pictures, "" if reference is None else _image(reference)),
        _curves(result),
        comparison.change(result),
        comparison.limbs(result),
        _about(result, faces_hidden),
    ]
    document.write(path, f"{result.video.name}: squats", parts)


def _image(picture: np.ndarray) -> str:
    data = base64.b64encode(jpeg(picture)).decode()
    height, width = picture.shape[:2]
    return (
        f'<img alt="its lowest point" width="{width}" height="{height}" src="data:image/jpeg;base64,{data}">'
    )


def _head(result: Result) -> str:
    whole = [verdict for _, verdict in result.whole]
    counts = [(sum(one.verdict == kind for one in whole), words) for kind, words in WORDS.items()]
    said = ", ".join(f"{count} {words}" for count, words in counts if count)
    cut = len(result.verdicts) - len(whole)
    line = f"{len(whole)} squat{'s' * (len(whole) != 1)}" + (f": {said}" if said else "")
    line += f"; {cut} more of which only a part is in the video" if cut else ""
    if result.persons > 1:
        line += f". {result.persons} people are in the video; the one who squats was followed"
    reference = result.reference.measures if result.reference else None
    change, why = first_change(whole, result.none_found, reference, result.champion.limits)
    return (
        f"<h1>{escape(result.video.name)}</h1><p>{escape(line)}.</p>"
        f'<section class="first"><h2>To change first</h2><p class="large">{escape(change)}</p>'
        f'<p>{escape(why)}</p><p class="small">A program says so, and it is often wrong.</p></section>'
    )


def _film(film: str) -> str:
    if not film:
        return ""
    # From a moment on: some browsers show nothing before that is sought.
    source = f"{quote(film)}#t=0.1"
    return f'<div class="film"><video controls playsinline preload="metadata" src="{source}"></video></div>'


def _squats(result: Result, pictures: Mapping[int, str], film: str) -> Sequence[str]:
    numbered = numbers(verdict.partial for verdict in result.verdicts)
    return [
        _squat(number, verdict, pictures.get(place, ""), film, result.champion)
        for place, (number, verdict) in enumerate(zip(numbered, result.verdicts, strict=True))
    ]


def _squat(number: int | None, verdict: Verdict, picture: str, film: str, champion: Champion) -> str:
    when = _when(verdict.start, verdict.end)
    if verdict.bottom is not None:
        when += f", lowest at {verdict.bottom:.1f} s"
    if film:
        at = verdict.start if verdict.start is not None else 0.0
        when += f' · <a href="{quote(film)}#t={at:.1f}">in the video</a>'
    p_good = f'<p class="small">{_chance(verdict.p_good, champion)}</p>' if verdict.p_good is not None else ""
    reasons = "".join(f"<li>{escape(reason)}</li>" for reason in verdict.reasons)
    return (
        f'<article class="{verdict.verdict}">{picture}<div><h3>{named(number)}: '
        f"{WORDS[verdict.verdict]}</h3>"
        + (f"<ul>{reasons}</ul>" if reasons else "")
        + _checks(verdict, champion)
        + f'{p_good}<p class="small">{when}</p>'
        + _tempo(verdict)
        + _measures(verdict, champion)
        + "</div></article>"
    )


def _when(start: float | None, end: float | None) -> str:
    if start is None or end is None:
        return (
            f"from {start:.1f} s on" if start is not None else f"until {end:.1f} s" if end is not None else ""
        )
    return f"{start:.1f} s to {end:.1f} s"


def _chance(p_good: float, champion: Champion) -> str:
    said = chance(p_good)
    return f"{said[0].upper()}{said[1:]}; the limit is {champion.threshold:.0%}"


def _checks(verdict: Verdict, champion: Champion) -> str:
    marks = {checks.GOOD: ("ok", "✓"), checks.NEAR: ("near", "≈"), checks.BAD: ("no", "✗")}
    shown = [
        f'<li class="{marks[state][0]}" title="{state}">{marks[state][1]} {escape(what)}</li>'
        for what, state in checks.checks(verdict, champion)
    ]
    return f'<ul class="checks">{"".join(shown)}</ul>' if shown else ""


def _tempo(verdict: Verdict) -> str:
    if not {"down", "pause", "up"} <= verdict.measures.keys():
        return ""
    said = (f"{verdict.measures[name]:.1f} s {name}" for name in ("down", "pause", "up"))
    return f'<p class="small">{", ".join(said)}</p>'


def _measures(verdict: Verdict, champion: Champion) -> str:
    """All of them as a table, left beside right, with what the standard asks and what good squats have."""
    rows, limits, view = [], champion.limits, verdict.view or ""
    for name, value in verdict.measures.items():
        other = verdict.measures.get("right_" + name.removeprefix("left_"))
        if name.startswith("right_") and "left_" + name.removeprefix("right_") in verdict.measures:
            continue
        one = term(name)
        words, said = one.words, one.said(value)
        if name.startswith("left_") and other is not None:
            words = words.removeprefix("left ")
            said = f"{said} left, {one.said(other)} right"
        asked = one.limit(limits) if limits is not None else ""
        usual = champion.quantiles.get(name, {}).get(view)
        in_good = f"{one.number(usual['5'])} to {one.number(usual['95'])}" if usual else ""
        error = champion.errors.get(name, {}).get(view)
        off = f" ± {one.number(error['error'])}" if error else ""
        rows.append(
            f"<tr><td>{escape(words)}<td>{escape(said + off)}<td>{escape(asked)}<td>{escape(in_good)}"
        )
    if not rows:
        return ""
    head = "<tr><th>at the lowest point, about<th><th>asked<th>most good squats"
    table = f"<table>{head}{''.join(rows)}</table>"
    blind = ", ".join(term(name).words for name in verdict.unseen)
    left_out = f'<p class="small">Not to be seen from where the camera stands: {escape(blind)}.</p>'
    return (
        f'<details><summary>Measures</summary><div class="wide">{table}</div>'
        f"{left_out if blind else ''}</details>"
    )


def _curves(result: Result) -> str:
    """The hips' height and the joints' angles over time, with the squats shaded."""
    if not len(result.poses.time):
        return ""
    time = result.poses.time
    seconds = float(time[-1])
    numbered = numbers(verdict.partial for verdict in result.verdicts)
    spans = [
        Span(*_shaded(one), f"rgb{COLOURS[one.verdict]}", str(number or ""), one.bottom)
        for number, one in zip(numbered, result.verdicts, strict=True)
    ]
    found = [
        plot(
            "How high the hips are: 100 % is standing",
            [Line("hips", "#333", result.heights)],
            spans,
            seconds,
            [(0.0, "0 %"), (0.5, "50 %"), (1.0, "100 %"), (1.1, "")],
        )
    ]
    for joint in ("knee", "hip"):
        lines = [
            Line(side, colour, pieces(time, result.angles[f"{side}_{joint}"]))
            for side, colour in (("left", _LEFT), ("right", _RIGHT))
        ]
        degrees = [(0.0, "0°"), (90.0, "90°"), (180.0, "180°")]
        found.append(
            plot(
                f"Angle of the {joint}s as the picture shows it, 180° is straight:",
                lines,
                spans,
                seconds,
                degrees,
            )
        )
    return f"<h2>Over time</h2>{''.join(found)}"


def _shaded(verdict: Verdict) -> tuple[float, float]:
    """From when to when; of a squat that is cut off, what is known of it."""
    known = [time for time in (verdict.start, verdict.bottom, verdict.end) if time is not None]
    begin = min(known, default=0.0)
    return begin, max(known, default=begin)


_SEEN_FROM = {
    "front": "from the front, where the lean of the trunk hardly shows",
    "oblique": "half from the front, where most shows",
    "side": "from the side, where nobody sees whether the knees fall in",
    "back_oblique": "half from behind, where most shows",
    "back": "from behind, where the lean of the trunk hardly shows",
}


def _view(result: Result) -> str:
    views = [one.view for one in result.verdicts if one.view]
    if not views:
        return ""
    most = max(dict.fromkeys(views), key=views.count)
    return f"<p>This video seems to show the lifter {_SEEN_FROM[most]}.</p>"


def _depth(champion: Champion) -> str:
    if champion.limits is None:
        return ""
    one = term("depth")
    return f", {one.words} {one.limit(champion.limits)} {one.unit}"


def _about(result: Result, faces_hidden: bool) -> str:
    champion = result.champion
    how = "".join(f"<li>{escape(line)}</li>" for line in FILMING)
    learned = "from labelled squats"
    if "reader" in champion.made_of.get("data", {}):
        learned = "from made-up people" + (" and real ones" if "beside" in champion.made_of else " alone")
    return (
        f"<h2>How to film for a better verdict</h2>{_view(result)}<ul>{how}</ul>"
        f"<footer><p>Judged by the network {escape(champion.name)}, by the standard "
        f"<em>{escape(champion.standard)}</em>, whose limit is a chance of {champion.threshold:.0%}"
        f"{_depth(champion)}. It has learned "
        f"{learned} and is often wrong: it ranks squats better than it decides. Angles are those in the "
        "picture; what is said of depth, back, knees and feet the network has estimated from the pose.</p>"
        + (f"<p>{_FACES}</p>" if faces_hidden else "")
        + "<p><strong>Nothing left this machine. This is no medical advice.</strong></p></footer>"
    )
