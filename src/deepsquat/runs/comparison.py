"""Several studies beside each other: in a few lines, and as a page that needs no network."""

import base64
import io
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from deepsquat.errors import UserError
from deepsquat.files import written_whole
from deepsquat.runs import pictures
from deepsquat.study.summary import Summary

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_HEAD = ("study", "complete", "pruned", "failed", "best", "25 %", "median", "75 %", "worst")
_COLOURS = ("#1f6f9f", "#e08214", "#4d4d4d", "#7b3294", "#1b7837", "#b2182b")
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 60rem; padding: 1rem; color: #222; }
img { max-width: 100%; height: auto; } table { border-collapse: collapse; } div { overflow-x: auto; }
td, th { padding: .2rem .5rem; text-align: right; border-bottom: 1px solid #ddd; overflow-wrap: anywhere; }
td { white-space: nowrap; }
td:first-child, th:first-child { text-align: left; } code { overflow-wrap: anywhere; }
"""


def refuse_unlike(studies: Sequence[Summary]) -> None:
    """
    Raises:
        UserError: two studies look at another value, or in another direction.
    """
    first = studies[0]
    for one in studies[1:]:
        if (one.objective, one.minimize) != (first.objective, first.minimize):
            raise UserError(
                f"{first.name} looks at {_aim(first)}, {one.name} at {_aim(one)}; "
                "only studies of one objective can be compared"
            )


def _aim(study: Summary) -> str:
    return f"{study.objective}, {'lowest' if study.minimize else 'highest'} best"


def lines(studies: Sequence[Summary]) -> list[str]:
    """For a terminal: a table, and what made each study's best trial."""
    rows = [_HEAD, *map(_row, studies)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(_HEAD))]
    said = [f"{_aim(studies[0])}:"]
    for row in rows:
        numbers = (cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))
        said.append("  ".join([row[0].ljust(widths[0]), *numbers]))
    for study in studies:
        said += ["", f"{study.name}, best: trial {study.numbers[study.best_row]}  {_params(study)}"]
        said.append(f"  matters: {_importances(study)}")
    return said


def _row(study: Summary) -> tuple[str, ...]:
    low, quarter, median, three, high = np.percentile(study.values, (0, 25, 50, 75, 100))
    ends = (low, high) if study.minimize else (high, low)
    counts = (len(study.values), study.pruned, study.failed)
    values = (ends[0], quarter, median, three, ends[1])
    return (study.name, *map(str, counts), *(f"{value:.4g}" for value in values))


def _params(study: Summary) -> str:
    return " ".join(f"{key}={value!r}" for key, value in study.best.items())


def _importances(study: Summary) -> str:
    if not study.importances:
        return "not to be said of so few trials"
    return ", ".join(f"{name} {share:.0%}" for name, share in study.importances.items())


def write(path: Path, studies: Sequence[Summary]) -> None:
    """Writes the page; without pictures where matplotlib is not installed."""
    title = " and ".join(study.name for study in studies)
    # A column a study, as a phone is narrow.
    head, *lines_ = zip(_HEAD, *map(_row, studies), strict=True)
    rows = [f"<tr>{''.join(f'<th>{escape(cell)}</th>' for cell in head)}</tr>"]
    rows += [f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in line)}</tr>" for line in lines_]
    parts = [
        f"<h1>{escape(title)}</h1><p>{escape(_aim(studies[0]))}.</p><div><table>{''.join(rows)}</table></div>"
    ]
    for study in studies:
        best = f"trial {study.numbers[study.best_row]}, <code>{escape(_params(study))}</code>"
        parts.append(
            f"<h2>{escape(study.name)}</h2><p>Best: {best}</p><p>Matters: {escape(_importances(study))}.</p>"
        )
        parts.append(f"<p>To train it again: <code>python src/train.py from={escape(study.name)}</code></p>")
    if pictures.can_draw():
        parts.append(_inline(_curves(studies), "the best value so far over the trials"))
        parts.append(_inline(_spread(studies), "the values of all complete trials"))
        if any(study.importances for study in studies):
            parts.append(_inline(_bars(studies), "how much each swept value matters"))
    text = (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style><body>{''.join(parts)}</body></html>\n"
    )
    with written_whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _inline(made: "Figure", alt: str) -> str:
    content = io.BytesIO()
    made.savefig(content, dpi=110, format="png")
    data = base64.b64encode(content.getvalue()).decode()
    return f'<p><img alt="{alt}" src="data:image/png;base64,{data}"></p>'


def _colour(i: int) -> str:
    return _COLOURS[i % len(_COLOURS)]


def _curves(studies: Sequence[Summary]) -> "Figure":
    made, axes = pictures.figure(size=(5.2, 3.4))
    axis = axes[0][0]
    for i, study in enumerate(studies):
        trials = np.arange(1, len(study.values) + 1)
        axis.step(trials, study.best_so_far, where="post", color=_colour(i), label=study.name)
        axis.plot(trials, study.values, "o", color=_colour(i), alpha=0.4, markersize=4)
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.set_xlabel("complete trials")
    axis.set_ylabel(f"{studies[0].objective}, best so far")
    _scaled(axis.set_yscale, studies)
    axis.grid(alpha=0.3)
    made.legend(loc="outside upper center", ncols=min(3, len(studies)))
    return made


def _spread(studies: Sequence[Summary]) -> "Figure":
    made, axes = pictures.figure(size=(5.2, 1.2 + 0.5 * len(studies)))
    axis = axes[0][0]
    axis.boxplot([study.values for study in studies], orientation="horizontal", whis=(0, 100))
    for i, study in enumerate(studies):
        axis.plot(
            study.values, np.full(len(study.values), i + 1), "o", color=_colour(i), alpha=0.6, markersize=5
        )
    axis.set_yticks(range(1, len(studies) + 1), [study.name for study in studies])
    axis.set_xlabel(studies[0].objective)
    _scaled(axis.set_xscale, studies)
    axis.invert_yaxis()
    axis.grid(alpha=0.3, axis="x")
    return made


def _scaled(set_scale: object, studies: Sequence[Summary]) -> None:
    """Logarithmic where the values span more than a factor of 10."""
    values = np.concatenate([study.values for study in studies])
    if values.min() > 0 and values.max() > 10 * values.min():
        set_scale("log")  # type: ignore[operator]


def _bars(studies: Sequence[Summary]) -> "Figure":
    names = list(dict.fromkeys(name for study in studies for name in study.importances))
    made, axes = pictures.figure(size=(5.2, 1 + (0.15 + 0.2 * len(studies)) * len(names)))
    axis = axes[0][0]
    height = 0.8 / len(studies)
    for i, study in enumerate(studies):
        at = np.arange(len(names)) + (i + 0.5) * height - 0.4
        shares = [study.importances.get(name, 0.0) for name in names]
        axis.barh(at, shares, height=height, color=_colour(i), label=study.name)
    axis.set_yticks(range(len(names)), names)
    axis.set_xlabel("share of how much the objective varies")
    axis.invert_yaxis()
    axis.grid(alpha=0.3, axis="x")
    made.legend(loc="outside upper center", ncols=min(3, len(studies)))
    return made
