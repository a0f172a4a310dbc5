"""Squats that are added to a labels file, whose every other character stays as it is, comments too."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import yaml

from deepsquat.data.squats import Squat
from deepsquat.data.videos.annotations import (
    as_stored,
    as_yaml,
    as_yaml_list,
    as_yaml_value,
    read_labels,
    squat_of,
)
from deepsquat.data.videos.plain_yaml import compose, scalar
from deepsquat.errors import UserError
from deepsquat.files import written_whole
from deepsquat.locks import locked


def new_squats(there: Sequence[Squat], found: Sequence[Squat]) -> list[Squat]:
    """Those of one video that have no entry yet, by time.

    A found squat has one where the bottom of either lies within the other. Where two meet at their ends
    alone, the new one gives way, since squats of one video must not overlap.
    """
    taken, new = sorted(there, key=lambda squat: squat.start), []
    for squat in sorted(found, key=lambda squat: squat.start):
        if entry_of(squat, taken) is not None:
            continue
        start = max([squat.start, *(other.end for other in taken if other.bottom < squat.bottom)])
        end = min([squat.end, *(other.start for other in taken if other.bottom > squat.bottom)])
        squat = replace(squat, start=start, end=end)
        taken.append(squat)
        new.append(squat)
    return new


def entry_of(squat: Squat, there: Sequence[Squat]) -> Squat | None:
    """The squat of the same video that it is: the bottom of either lies within the other."""
    return next(
        (
            other
            for other in there
            if squat.start <= other.bottom <= squat.end or other.start <= squat.bottom <= other.end
        ),
        None,
    )


def check(path: Path) -> None:
    """
    Raises:
        UserError: something is wrong in a labels file; one without an entry is none yet.
    """
    if compose(path) is not None:
        read_labels(path)


@dataclass(frozen=True)
class Added:
    """What became of squats that were found."""

    new: Sequence[Squat]  # that had no entry
    filled: int  # entries that had no label, or no subject, and have it now
    otherwise: int  # entries that have another label or subject, which stays


def add_squats(path: Path, found: Sequence[Squat]) -> Added:
    """Adds to a labels file, or begins one with, those of one video's squats that have no entry yet.

    An entry without a label, or without a subject, gets that of the squat found. Another process that adds to
    the same file waits.

    path: the file; paths of videos start from its folder.

    Raises:
        UserError: the file is wrong somewhere, cannot be written, or cannot take the video's name.
    """
    with locked(path.with_name(f".{path.name}.lock")):
        filled, otherwise = _fill(path, found) if found and path.exists() else (0, 0)
        return Added(_add(path, found), filled, otherwise)


def _add(path: Path, found: Sequence[Squat]) -> list[Squat]:
    node = compose(path) if path.exists() else None
    there = read_labels(path) if node is not None else ()
    of_video = [squat for squat in there if found and squat.video == found[0].video]
    new = new_squats(of_video, found)
    if new:
        mark, text = _text(path) if path.exists() else ("", "")
        _write(path, mark + _extended(path, text, node, new), [*there, *new], new)
    return new


def _fill(path: Path, found: Sequence[Squat]) -> tuple[int, int]:
    """How many entries got what they lacked, and how many have something else."""
    if (whole := compose(path)) is None:
        return 0, 0
    there, squats = read_labels(path), _squats_of(path, whole, found[0].video)
    mark, text = _text(path)
    edits: list[_Edit] = []
    known, otherwise = {replace(squat, index=0): replace(squat, index=0) for squat in there}, 0
    for node in squats.value if squats else []:
        entry = squat_of(path, found[0].video, node)
        if (told := entry_of(entry, found)) is None:
            continue
        pairs = {name: (getattr(entry, name), getattr(told, name)) for name in ("label", "subject")}
        missing = {name: new for name, (old, new) in pairs.items() if old is None and new is not None}
        otherwise += any(None not in (old, new) and old != new for old, new in pairs.values())
        if missing:
            edits += _edits(text, node, missing)
            known[entry] = replace(entry, **missing)
    if not edits:
        return 0, otherwise
    for start, end, new in sorted(edits, key=lambda edit: edit[0], reverse=True):
        text = text[:start] + new + text[end:]
    _write(path, mark + text, list(known.values()), found)
    return sum(one != two for one, two in known.items()), otherwise


_Edit = tuple[int, int, str]  # from, to, and what comes there


def _edits(text: str, entry: yaml.MappingNode, missing: Mapping[str, int | str]) -> list[_Edit]:
    """What puts the values into an entry; of two at one place the one that comes last is first."""
    there = {scalar(key): value for key, value in entry.value}
    written = {name: as_yaml_value(value) for name, value in missing.items()}
    absent = [f"{name}: {value}" for name, value in written.items() if name not in there]
    edits: list[_Edit] = []
    if absent and entry.flow_style:
        end = entry.value[-1][1].end_mark.index
        edits.append((end, end, "".join(f", {one}" for one in absent)))
    elif absent:
        at = text.find("\n", _last(entry).end_mark.index)
        at = len(text) if at < 0 else at - (text[at - 1] == "\r")
        indent = _newline(text) + " " * entry.start_mark.column
        edits.append((at, at, "".join(indent + one for one in absent)))
    for name in written.keys() & there.keys():  # null, or nothing
        start, end = there[name].start_mark.index, there[name].end_mark.index
        edits.append((start, end, written[name] if text[start - 1] == " " else f" {written[name]}"))
    return edits


def _text(path: Path) -> tuple[str, str]:
    """A byte order mark, and the text, whose characters the marks of nodes count."""
    text = path.read_bytes().decode("utf-8")
    return ("\ufeff" if text.startswith("\ufeff") else ""), text.removeprefix("\ufeff")


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _write(path: Path, text: str, expected: Sequence[Squat], new: Sequence[Squat]) -> None:
    """Writes the text where it reads as expected. new: the squats that it is written for."""
    with written_whole(path) as temporary:
        temporary.write_bytes(text.encode("utf-8"))
        try:
            known = read_labels(temporary)
        except UserError as error:
            raise UserError(_refusal(path, temporary, new, error)) from None
        if _plain(known) != _plain(expected):
            raise UserError(_refusal(path, temporary, new, UserError("it would read otherwise")))


def _extended(path: Path, text: str, node: yaml.Node | None, new: Sequence[Squat]) -> str:
    """The file's text with the squats in it."""
    newline, squats = _newline(text), _squats_of(path, node, new[0].video)
    if squats is None:
        block = as_yaml(new).replace("\n", newline)
        return text + (newline if text and not text.endswith("\n") else "") + block
    end = _last(squats.value[-1]).end_mark.index
    if squats.flow_style:
        return text[:end] + "".join(f", {line}" for line in as_yaml_list(new)) + text[end:]
    at = text.find("\n", end)
    head, tail = (text, "") if at < 0 else (text[: at + 1], text[at + 1 :])
    indent = " " * squats.start_mark.column
    lines = "".join(f"{indent}- {line}{newline}" for line in as_yaml_list(new))
    return head + ("" if head.endswith("\n") else newline) + lines + tail


def _squats_of(path: Path, node: yaml.Node | None, video: str) -> yaml.SequenceNode | None:
    """The list of a video's squats; None where the file does not name the video."""
    for key, value in node.value if node is not None else []:
        if str(as_stored(path.parent, PurePosixPath(str(scalar(key))))) == video:
            assert isinstance(value, yaml.SequenceNode)  # the file was read before
            return value
    return None


def _last(node: yaml.Node) -> yaml.Node:
    """The last node in it with an end of its own: a block ends where the next thing begins."""
    while isinstance(node, yaml.CollectionNode) and not node.flow_style:
        last = node.value[-1]
        node = last[1] if isinstance(last, tuple) else last
    return node


def _plain(squats: Sequence[Squat]) -> set[Squat]:
    """Without numbers, which a squat before another changes."""
    return {replace(squat, index=0) for squat in squats}


def _refusal(path: Path, temporary: Path, new: Sequence[Squat], error: UserError) -> str:
    why = str(error).replace(str(temporary), str(path))
    lines = " ".join(as_yaml_list(new))
    return f"{new[0].video}: its squats cannot be written ({why}); rename it, or write them yourself: {lines}"
