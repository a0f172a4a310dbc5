"""Lines for a terminal that are no wider than it."""

import os
import sys
import textwrap
from collections.abc import Sequence
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
    """Of the terminal that the errors go to."""
    try:
        return int(os.environ.get("COLUMNS") or os.get_terminal_size(sys.stderr.fileno()).columns or 80)
    except (OSError, ValueError):
        return 80


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
    """The line in lines that a terminal takes; as it is where the output goes elsewhere."""
    if not sys.stdout.isatty():
        return text
    return "\n".join(
        textwrap.wrap(text, max(20, columns() - 1), subsequent_indent="    ", break_on_hyphens=False)
        if len(text) >= columns()
        else [text]
    )


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
