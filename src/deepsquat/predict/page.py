"""One page for each video, which needs no network and no script: verdicts, reasons, pictures, hip height."""

import base64
from collections.abc import Sequence
from html import escape
from pathlib import Path

import numpy as np

from deepsquat.champion import Champion
from deepsquat.files import written_whole
from deepsquat.predict.judging import Verdict
from deepsquat.predict.poses import Poses
from deepsquat.repetitions import hip_height

_WORDS = {"good": "good", "bad": "not good", "cannot_tell": "cannot tell"}
# Of each measure what it is called, its unit and its limit, where the verdict counts it.
_MEASURES = {
    "depth": ("hips above the knees", "of the leg's length", "depth", "at most"),
    "lean": ("trunk from the vertical", "degrees", "lean", "at most"),
    "knee_width": ("knees apart", "times the ankles' distance", "knees_in", "at least"),
    "shift": ("hips aside of the feet", "of the leg's length", "shift", "at most"),
}
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 60rem; padding: 1rem; color: #222; }
img, svg { max-width: 100%; height: auto; }
article { border-left: .5rem solid; padding: .1rem 1rem; margin: 1rem 0; background: #f6f6f6; }
.good { border-color: #28823c; } .bad { border-color: #b43228; } .cannot_tell { border-color: #5a5a5a; }
h3 { margin: .5rem 0; } p, ul { margin: .4rem 0; } footer, .small { color: #555; font-size: .9rem; }
"""


def write(
    path: Path, video: Path, picture: Path, poses: Poses, verdicts: Sequence[Verdict], champion: Champion
) -> None:
    """Writes the page. picture: of the bottoms, as `sheet` draws it."""
    counted = [verdict for verdict in verdicts if not verdict.partial]
    good = sum(verdict.verdict == "good" for verdict in counted)
    parts = [
        f"<h1>{escape(video.name)}</h1>",
        f"<p>{len(counted)} squat{'s' * (len(counted) != 1)}, {good} good"
        + (
            f", and {len(verdicts) - len(counted)} that the clip cuts off"
            if len(counted) < len(verdicts)
            else ""
        )
        + ".</p>",
        _first(counted),
    ]
    if picture.is_file():
        data = base64.b64encode(picture.read_bytes()).decode()
        parts.append(f'<img alt="the lowest point of each squat" src="data:image/png;base64,{data}">')
    parts += [_squat(number, verdict, champion) for number, verdict in enumerate(verdicts, 1)]
    parts += [_curve(poses, verdicts), _about(champion)]
    text = (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(video.name)}: squats</title><style>{_STYLE}</style><body>"
        + "\n".join(part for part in parts if part)
        + "</body></html>\n"
    )
    with written_whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


def _first(counted: Sequence[Verdict]) -> str:
    """The one thing to change first: what most of the squats that are not good have."""
    reasons = [verdict.reasons[0] for verdict in counted if verdict.verdict == "bad"]
    if not reasons:
        return ""
    most = max(dict.fromkeys(reasons), key=reasons.count)
    return f"<p><strong>To change first:</strong> {escape(most)}.</p>"


def _squat(number: int, verdict: Verdict, champion: Champion) -> str:
    when = " to ".join("?" if time is None else f"{time:.1f} s" for time in (verdict.start, verdict.end))
    p_good = f", {verdict.p_good:.0%} likely good" if verdict.p_good is not None else ""
    reasons = "".join(f"<li>{escape(reason)}</li>" for reason in verdict.reasons)
    return (
        f'<article class="{verdict.verdict}"><h3>Squat {number}: {_WORDS[verdict.verdict]}{p_good}</h3>'
        f'<p class="small">{when}</p>'
        + (f"<ul>{reasons}</ul>" if reasons else "")
        + _measures(verdict, champion)
        + "</article>"
    )


def _measures(verdict: Verdict, champion: Champion) -> str:
    usual = champion.standards.get("usual")
    if not verdict.measures or usual is None:
        return ""
    said = []
    for name, (words, unit, limit, bound) in _MEASURES.items():
        value = verdict.measures[name]
        said.append(f"{words} {value:.2g} {unit} ({bound} {getattr(usual.limits, limit):g})")
    return f'<p class="small">At the bottom, about: {escape("; ".join(said))}.</p>'


def _curve(poses: Poses, verdicts: Sequence[Verdict]) -> str:
    """The hips' height over time, with the bottoms marked."""
    if not len(poses.time):
        return ""
    width, height, last = 900, 200, max(float(poses.time[-1]), 1e-3)
    lines = []
    for times, heights in hip_height(poses.time, poses.landmarks, float(poses.aspect[0])):
        some = np.linspace(0, len(times) - 1, min(len(times), 600)).astype(int)
        points = " ".join(
            f"{times[i] / last * width:.1f},{(1.1 - min(max(heights[i], 0), 1.1)) / 1.1 * height:.1f}"
            for i in some
        )
        lines.append(f'<polyline points="{points}" fill="none" stroke="#1f6f9f" stroke-width="2"/>')
    bottoms = [one.bottom / last * width for one in verdicts if one.bottom is not None]
    marks = "".join(
        f'<line x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{height}" stroke="#e08214" stroke-dasharray="4"/>'
        for x in bottoms
    )
    drawn = f'<svg viewBox="0 0 {width} {height}">{marks}{"".join(lines)}</svg>'
    return (
        f"<h2>Height of the hips over {last:.0f} seconds</h2>{drawn}"
        '<p class="small">1 is standing; a dashed line marks the bottom of a squat.</p>'
    )


def _about(champion: Champion) -> str:
    return (
        "<h2>How to film</h2><p>The whole body in the picture, from 3 to 5 metres, the camera still and at "
        "the height of the hips, half from the front. From the side it cannot be seen whether the knees fall "
        "in, from the front hardly how far the trunk leans.</p>"
        f"<footer><p>Judged by the network {escape(champion.name)}, by its usual standard: good from "
        f"{champion.threshold:.0%} on. It has learned from made-up people alone and is often wrong: it ranks "
        "squats better than it decides. Nothing left this machine. This is no medical advice.</p></footer>"
    )
