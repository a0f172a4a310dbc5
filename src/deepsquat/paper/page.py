"""A report as plain pieces, written as Markdown and as HTML."""

import html
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Heading:
    text: str
    level: int = 2


@dataclass(frozen=True)
class Text:
    text: str
    warning: bool = False


@dataclass(frozen=True)
class Table:
    """Cells as text; the first row is the head."""

    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Picture:
    file: str  # beside the report
    caption: str


Piece = Heading | Text | Table | Picture

_STYLE = """
body {
  font: 15px/1.5 system-ui, sans-serif; color: #222;
  max-width: 62rem; margin: 2rem auto; padding: 0 1rem
}
h1, h2 { line-height: 1.25 }
p { overflow-wrap: anywhere }
table { border-collapse: collapse; margin: 1rem 0; display: block; overflow-x: auto }
th, td { border: 1px solid #ccc; padding: .3rem .6rem; text-align: right }
th:first-child, td:first-child { text-align: left }
th { background: #f2f4f7 }
.warning { background: #fff3cd; border-left: 5px solid #e08214; padding: .6rem 1rem; font-weight: 600 }
figure { margin: 1rem 0 }
img { max-width: 100%; height: auto }
figcaption { color: #555; font-size: 13px }
/* On a phone each row of a wide table stands by itself, its columns under one another. */
@media (max-width: 40rem) {
  .wide, .wide tbody, .wide tr, .wide td { display: block }
  .wide tr:first-child { display: none }
  .wide tr { border: 1px solid #ccc; margin: .6rem 0; padding: .2rem .6rem }
  .wide td, .wide td:first-child { border: 0; padding: .1rem 0; text-align: left; overflow-wrap: anywhere }
  .wide td::before { content: attr(data-head) ": "; color: #555 }
  .wide td:empty { display: none }
  .wide td[data-head=""]::before { content: "" }
}
"""
_NARROW = 34  # characters across that a phone takes


def markdown(pieces: Sequence[Piece]) -> str:
    return "\n\n".join(_markdown(piece) for piece in pieces) + "\n"


def _markdown(piece: Piece) -> str:
    match piece:
        case Heading(text, level):
            return f"{'#' * level} {text}"
        case Text(text, warning):
            return f"> **{text}**" if warning else text
        case Picture(file, caption):
            return f"![{caption}]({file})"
        case Table(rows):
            widths = [max(3, *(len(row[i]) for row in rows)) for i in range(len(rows[0]))]
            head, *body = [
                "| " + " | ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) + " |" for row in rows
            ]
            rule = "| " + " | ".join("-" * w for w in widths) + " |"
            return "\n".join([head, rule, *body])


def page(title: str, pieces: Sequence[Piece]) -> str:
    """A whole HTML page that needs nothing but its pictures beside it."""
    body = "\n".join(_html(piece) for piece in pieces)
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n"
        f"<body>\n{body}\n</body>\n</html>\n"
    )


def _html(piece: Piece) -> str:
    match piece:
        case Heading(text, level):
            return f"<h{level}>{html.escape(text)}</h{level}>"
        case Text(text, warning):
            return f"<p{' class=warning' if warning else ''}>{html.escape(text)}</p>"
        case Picture(file, caption):
            return (
                f'<figure><img src="{html.escape(file)}" alt="{html.escape(caption)}">'
                f"<figcaption>{html.escape(caption)}</figcaption></figure>"
            )
        case Table(rows):
            head, *body = rows
            lines = ["".join(f"<th>{html.escape(cell)}</th>" for cell in head)]
            for row in body:
                named = zip(head, row, strict=True)
                lines.append(
                    "".join(
                        f'<td data-head="{html.escape(name)}">{html.escape(cell)}</td>'
                        for name, cell in named
                    )
                )
            across = sum(max(len(row[i]) for row in rows) + 2 for i in range(len(head)))
            kind = " class=wide" if across > _NARROW else ""
            return f"<table{kind}>\n" + "\n".join(f"<tr>{line}</tr>" for line in lines) + "\n</table>"
