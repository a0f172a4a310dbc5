"""What each value means: the comments beside it in conf/, and in the dataclass of the sweeper's options."""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from deepsquat.study.options import StudyOptions

Words = dict[str, str]  # by the value's whole name
_HEADING_IS_NO_PROSE = re.compile(r"@package|(\s*(python |src/))|\s{2,}")


def of_file(path: Path) -> Words:
    """By name, as the file has it; a comment stands behind a value, or above one that has none behind it.

    Lines of comment below a value with one behind it go on with that.
    """
    lines = path.read_text(encoding="utf-8").splitlines()
    places = list(_places(yaml.compose("\n".join(lines)), ""))
    behind = {name: _comment(lines[line][column:]) for name, line, column in places}
    found: Words = {name: words for name, words in behind.items() if words}
    starts = [line for _, line, _ in places]
    for i, (name, line, _) in enumerate(places):
        below = _block(lines, line + 1, 1)
        next_line = starts[i + 1] if i + 1 < len(places) else len(lines)
        follows = next_line < len(lines) and line + 1 + len(below) == next_line
        if below and behind[name] and not (follows and not behind[places[i + 1][0]]):
            found[name] += " " + " ".join(below)
        if i and not behind[name]:
            found[name] = " ".join(reversed(_block(lines, line - 1, -1)))
    return {name: words for name, words in found.items() if words}


def heading(path: Path) -> str:
    """The sentences at the top of a file, without the commands among them."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if "@package" not in line]
    block = _block(lines, 0, 1)
    return " ".join(line for line in block if not _HEADING_IS_NO_PROSE.match(line))


def of_sweeper() -> Words:
    """Of StudyOptions, whose fields bear their meaning as the values in YAML do."""
    found: Words = {}
    above: list[str] = []
    for line in inspect.getsource(StudyOptions).splitlines():
        if line.strip().startswith("#"):
            above.append(line.strip()[1:].strip())
            continue
        if field := re.match(r"    (\w+): .*?(?:  # (.*))?$", line):
            found[field[1]] = (field[2] or " ".join(above)).replace("None:", "null:")
        above = []
    return found


def _places(node: Any, name: str) -> Iterator[tuple[str, int, int]]:
    """Of each value: its name, and the line and column at which a comment behind it may begin."""
    if not isinstance(node, yaml.MappingNode) or node.flow_style:
        return
    for key, value in node.value:
        whole = f"{name}.{key.value}".lstrip(".")
        nested = isinstance(value, yaml.CollectionNode) and not value.flow_style
        if nested:
            yield whole, key.end_mark.line, key.end_mark.column + 1
            yield from _places(value, whole)
        else:
            yield whole, value.end_mark.line, value.end_mark.column


def _comment(rest: str) -> str:
    found = re.match(r"\s+#\s*(.*)", rest)
    return found[1].strip() if found else ""


def _block(lines: list[str], start: int, step: int) -> list[str]:
    """The lines of comment from one on, in that order, without their marks."""
    found = []
    i = start
    while 0 <= i < len(lines) and lines[i].lstrip().startswith("#"):
        found.append(lines[i].lstrip()[1:].removeprefix(" ").rstrip())
        i += step
    return found
