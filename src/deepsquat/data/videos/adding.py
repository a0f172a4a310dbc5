"""Squats that are added to a labels file, whose every other character stays as it is, comments too."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

import yaml

from deepsquat.data.squats import Squat
from deepsquat.data.videos.annotations import as_stored, as_yaml, as_yaml_list, read_labels
from deepsquat.data.videos.plain_yaml import compose, scalar
from deepsquat.errors import UserError
from deepsquat.files import written_whole


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


def add_squats(path: Path, found: Sequence[Squat]) -> list[Squat]:
    """Adds to a labels file, or begins one with, those of one video's squats that have no entry yet.

    path: the file; paths of videos start from its folder. Returns those that were added.

    Raises:
        UserError: the file is wrong somewhere, cannot be written, or cannot take the video's name.
    """
    node = compose(path) if path.exists() else None
    there = read_labels(path) if node is not None else ()
    of_video = [squat for squat in there if found and squat.video == found[0].video]
    new = new_squats(of_video, found)
    if not new:
        return []
    text = path.read_bytes().decode("utf-8") if path.exists() else ""
    with written_whole(path) as temporary:
        temporary.write_bytes(_extended(path, text, node, new).encode("utf-8"))
        try:
            known = read_labels(temporary)
        except UserError as error:
            raise UserError(_refusal(path, temporary, new, error)) from None
        if _plain(known) != _plain([*there, *new]):
            raise UserError(_refusal(path, temporary, new, UserError("it would read otherwise")))
    return new


def _extended(path: Path, text: str, node: yaml.Node | None, new: Sequence[Squat]) -> str:
    """The file's text with the squats in it. Marks of the nodes count characters after a byte order mark."""
    mark = text[:1] if text.startswith("\ufeff") else ""
    text = text.removeprefix("\ufeff")
    newline = "\r\n" if "\r\n" in text else "\n"
    squats = _squats_of(path, node, new[0].video)
    if squats is None:
        block = as_yaml(new).replace("\n", newline)
        return mark + text + (newline if text and not text.endswith("\n") else "") + block
    end = _last(squats).end_mark.index
    if squats.flow_style:
        return mark + text[:end] + "".join(f", {line}" for line in as_yaml_list(new)) + text[end:]
    at = text.find("\n", end)
    head, tail = (text, "") if at < 0 else (text[: at + 1], text[at + 1 :])
    indent = " " * squats.start_mark.column
    lines = "".join(f"{indent}- {line}{newline}" for line in as_yaml_list(new))
    return mark + head + ("" if head.endswith("\n") else newline) + lines + tail


def _squats_of(path: Path, node: yaml.Node | None, video: str) -> yaml.SequenceNode | None:
    """The list of a video's squats; None where the file does not name the video."""
    for key, value in node.value if node is not None else []:
        if str(as_stored(path.parent, PurePosixPath(str(scalar(key))))) == video:
            assert isinstance(value, yaml.SequenceNode)  # the file was read before
            return value
    return None


def _last(squats: yaml.SequenceNode) -> yaml.Node:
    """The last node with an end of its own: a block ends where the next thing begins."""
    node: yaml.Node = squats.value[-1]
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
