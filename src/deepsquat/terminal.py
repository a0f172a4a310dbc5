"""Lines for a terminal that are no wider than it."""

import os
import sys
import textwrap
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from tqdm import tqdm


def took(seconds: float, whole: bool = False) -> str:
    """whole: no fractions, of what is not known so well."""
    if seconds < 60:
        return f"{seconds:.0f} s" if whole else f"{seconds:.1f} s"
    if seconds < 3600:
        return f"{seconds / 60:.0f} min" if whole else f"{seconds // 60:.0f} min {seconds % 60:.0f} s"
    return f"{seconds / 3600:.1f} h"


def columns() -> int:
    """Of the terminal that errors go to, whatever stands in for sys.stderr; fewer where COLUMNS says so."""
    known = []
    with suppress(ValueError):
        known.append(int(os.environ.get("COLUMNS", "")))
    with suppress(OSError, ValueError):
        known.append(os.get_terminal_size(2).columns)
    return min((number for number in known if number > 0), default=80)


def fitted(parts: Sequence[str], share: float, across: int) -> str:
    """The parts in a line, with a bar where there is room; without middle ones where there is too little."""
    kept = list(parts)
    while len(kept) > 1 and len(", ".join(kept)) >= across:
        kept.pop(len(kept) // 2)
    text = ", ".join(kept)
    room = min(24, across - 1 - len(text) - 2)
    if room < 6:
        return text[: across - 1]
    full = int(share * room)
    return f"{'█' * full}{'░' * (room - full)}  {text}"


def wrapped(text: str) -> str:
    """The text in lines that a terminal takes; as it is where the output goes elsewhere."""
    across = columns()
    if not sys.stdout.isatty():
        return text
    lines = []
    for line in text.split("\n"):
        fits = len(line) < across
        how = {"subsequent_indent": "    ", "break_on_hyphens": False, "break_long_words": False}
        lines += [line] if fits else textwrap.wrap(line, max(20, across - 1), **how)  # type: ignore[arg-type]
    return "\n".join(lines)


def say(*lines: str) -> None:
    """Prints each, wrapped."""
    print(*map(wrapped, lines), sep="\n", flush=True)


class OneLine(tqdm):
    """A bar whose line has no more than fits: what it counts, then `more`, then the time left.

    Where the output is no terminal it is tqdm's own.
    """

    more: Sequence[str] = ()

    def __str__(self) -> str:
        if not self.fp.isatty():
            return str(super().__str__())
        told: dict[str, Any] = self.format_dict
        done, passed = told["n"] - told["initial"], told["elapsed"]
        left = [f"{took(passed / done * (told['total'] - told['n']), whole=True)} left"] if done else []
        text = (told["prefix"] or "").removesuffix(": ")
        return fitted([text, *self.more, *left], told["n"] / max(1, told["total"]), columns())
