"""The page over a folder of videos."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from deepsquat.predict import document
from deepsquat.predict.captions import WORDS
from deepsquat.predict.earlier import PAGE

SUMMARY, INDEX = "summary.csv", "index.html"


@dataclass(frozen=True)
class Row:
    """One video: its repetitions as verdict.json has them, or why there are none."""

    name: str  # its path below the folder, with forward slashes
    repetitions: Sequence[Mapping[str, Any]] = ()
    error: str = ""
    folder: str = ""  # that has its own page, from the folder of this page


def write(path: Path, folder: Path, rows: Sequence[Row]) -> None:
    """Writes the page over a folder of videos."""
    judged = [one for row in rows for one in row.repetitions if not one["partial"]]
    counts = ((sum(one["verdict"] == kind for one in judged), words) for kind, words in WORDS.items())
    said = ", ".join(f"{count} {words}" for count, words in counts if count)
    lines = "".join(_line(row) for row in rows)
    parts = [
        f"<h1>{escape(folder.name)}</h1><p>{len(rows)} videos, {len(judged)} squats"
        + (f": {escape(said)}" if said else "")
        + f'. <a href="{SUMMARY}">As a table</a></p>',
        '<div class="wide"><table><tr><th>video<th>squats<th>good<th>not good<th>cannot tell'
        f"<th>to change first{lines}</table></div>",
        "<footer><p>Nothing left this machine. This is no medical advice.</p></footer>",
    ]
    document.write(path, f"{folder.name}: squats", parts)


def _line(row: Row) -> str:
    if row.error:
        return f'<tr><td>{escape(row.name)}<td colspan="5">not judged: {escape(row.error)}'
    whole = [one for one in row.repetitions if not one["partial"]]
    counts = "".join(f"<td>{sum(one['verdict'] == kind for one in whole)}" for kind in WORDS)
    # Without their figures, which no two squats have alike.
    bad = [one for one in whole if one["verdict"] == "bad" and one["reasons"]]
    reasons = [one["reasons"][0].partition(" (")[0] for one in bad]
    first = max(dict.fromkeys(reasons), key=reasons.count, default="")
    link = quote(f"{row.folder}/{PAGE}".encode("utf-8", "surrogateescape"))
    return f'<tr><td><a href="{link}">{escape(row.name)}</a><td>{len(whole)}{counts}<td>{escape(first)}'
