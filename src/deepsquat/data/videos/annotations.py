"""The labels file: which squats are in which video, and how good they are.

    gym/anna.mp4:
      - {start: '00:03:00', mid: '00:04:05', end: '00:05:10', label: 1}
      - {start: 8.0, bottom: 9.2, end: 10.4, label: 0, subject: anna, faults: [too shallow]}

The first squat is in the paper's form: `[[HH:]MM:]SS:ff`, ff a frame number at 30 frames per second. The
second is in seconds. The two mix freely; `label`, `subject` and `faults` may be left out. With
`reference: true` a good squat stands for its subject: others are compared with it, and it is in no score.

Values are read from the text that stands in the file: YAML itself would take 1:30 for the number 90.
"""

import re
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import replace
from difflib import get_close_matches
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import yaml

from deepsquat.data.squats import Squat
from deepsquat.data.videos.clock import in_frames, read_time
from deepsquat.data.videos.plain_yaml import compose, kind, scalar, wrong
from deepsquat.errors import UserError
from deepsquat.files import written_whole

SHORTEST = 0.3  # seconds of a squat; what is shorter are times that were meant otherwise
KEYS = ("start", "mid", "bottom", "end", "label", "subject", "faults", "reference")

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")  # those that no name has
ADDRESS = re.compile(r".*://|(?:https?|file|ftps?|rtsps?|rtmps?|s3|data|pipe|concat):", re.IGNORECASE)


class _Entry(NamedTuple):
    """A squat as it stands in the file: its place, and its start and end as written, for messages."""

    place: str
    line: int
    start: str
    end: str
    squat: Squat


def read_labels(path: Path, root: Path | None = None) -> tuple[Squat, ...]:
    """The squats of a labels file, video by video in the file's order, by time within a video.

    Args:
        path: the labels file.
        root: the folder that its video paths start from; by default the folder that it stands in.

    Raises:
        UserError: anything that is wrong in it, a video that is not there included, with the line number.
    """
    folder = path.parent if root is None else root
    node = compose(path)
    if node is None:
        raise UserError(f"{path}: the file is empty; map each video's path to its list of squats")
    if not isinstance(node, yaml.MappingNode):
        raise wrong(path, node, "the file must map each video's path to its list of squats")
    squats: list[Squat] = []
    lines: dict[str, int] = {}
    missing: list[tuple[yaml.Node, str]] = []
    for key, value in node.value:
        video = _video(path, key, folder)
        if video is None:
            missing.append((key, str(scalar(key))))
            continue
        if video in lines:
            raise wrong(path, key, f"{video} is on line {lines[video]} already; put its squats together")
        lines[video] = key.start_mark.line + 1
        squats += _squats(path, video, value)
    if missing:
        raise _not_there(path, folder, missing)
    if not squats:
        raise UserError(f"{path}: there is no squat in it; map each video's path to its list of squats")
    return tuple(squats)


def write_labels(path: Path, squats: Sequence[Squat]) -> None:
    """Write what `read_labels` reads back as it was: the paper's form where all times of a squat are whole
    1/30 s frames, else seconds.

    Raises:
        UserError: the file cannot be written.
    """
    with written_whole(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.write(as_yaml(squats))


def as_yaml(squats: Sequence[Squat]) -> str:
    """The text of a labels file, each squat on a line of its own."""
    videos: dict[str, list[_Line]] = {}
    for squat in sorted(squats, key=lambda squat: squat.start):
        videos.setdefault(squat.video, []).append(_mapping(squat))
    return _dumped({video: videos[video] for video in dict.fromkeys(squat.video for squat in squats)})


def as_yaml_list(squats: Sequence[Squat]) -> list[str]:
    """Each squat as it stands in the list of its video, without what is before it on its line."""
    return [_dumped(_mapping(squat)).rstrip("\n") for squat in squats]


def as_yaml_value(value: int | str) -> str:
    """A label or a name as it stands in the file."""
    return _dumped(value).removesuffix("\n").removesuffix("\n...")


def _dumped(what: object) -> str:
    dumped: str = yaml.dump(what, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=sys.maxsize)
    return dumped


# ---- nodes to squats ----


def _not_there(path: Path, folder: Path, missing: list[tuple[yaml.Node, str]]) -> UserError:
    """The error that names every missing video at once."""
    (first, name), *more = missing
    if not more:
        return wrong(path, first, f"there is no video {name} in {folder}")
    names = ", ".join(f"{name} (line {key.start_mark.line + 1})" for key, name in missing)
    return UserError(f"{path}: there are {len(missing)} videos that are not in {folder}: {names}")


def _video(path: Path, key: yaml.Node, folder: Path) -> str | None:
    """The video's path, checked: a file inside the folder; None where there is no such file."""
    text = scalar(key)
    if not text or CONTROL.search(text):
        raise wrong(path, key, "a video's path is expected here, as plain text")
    name = PurePosixPath(text)
    if ADDRESS.match(text):
        raise wrong(path, key, f"{text} is an address; give the path of a file inside {folder}")
    if "\\" in text or re.match(r"[A-Za-z]:", text) or name.is_absolute() or ".." in name.parts:
        raise wrong(
            path, key, f"{text} must be a path inside {folder}, with forward slashes and without '..'"
        )
    try:
        name = as_stored(folder, name)
        file = folder / name
        if not file.exists():
            return None
        if not file.is_file():
            raise wrong(path, key, f"{name} is not a file")
        if not file.resolve().is_relative_to(folder.resolve()):
            raise wrong(path, key, f"{name} is a link to a place outside {folder}; copy the video into it")
    except OSError as error:
        raise wrong(path, key, f"{name} cannot be looked up ({error.strerror})") from error
    return str(name)


def as_stored(folder: Path, name: PurePosixPath) -> PurePosixPath:
    """The path as the file system writes it, each part in its own way; unchanged where there is no such file.

    One name can be written in several ways: macOS takes the accents of a letter apart, others do not.
    """
    stored = PurePosixPath()
    for part in name.parts:
        if not (folder / stored / part).exists():
            plain = unicodedata.normalize("NFC", part)
            inside = folder / stored
            others = (other.name for other in inside.iterdir()) if inside.is_dir() else iter(())
            part = next((other for other in others if unicodedata.normalize("NFC", other) == plain), part)
        stored /= part
    return stored


def _squats(path: Path, video: str, node: yaml.Node) -> Iterator[Squat]:
    """One video's squats by time."""
    if not isinstance(node, yaml.SequenceNode) and kind(node) != "null":
        raise wrong(path, node, f"{video} needs a list of squats, each starting with '- '")
    if not node.value:
        raise wrong(path, node, f"{video} has no squats; list them, or take the video out of the file")
    entries = [_squat(path, video, number, item) for number, item in enumerate(node.value, start=1)]
    entries.sort(key=lambda entry: entry.squat.start)
    for one, two in pairwise(entries):
        if two.squat.start < one.squat.end:
            what = f"it starts at {two.start}, before the squat of line {one.line} ends at {one.end}"
            raise UserError(f"{two.place}: {what}; squats of one video must not overlap")
    return (replace(entry.squat, index=index) for index, entry in enumerate(entries))


def squat_of(path: Path, video: str, node: yaml.Node) -> Squat:
    """One entry alone, its number left out.

    Raises:
        UserError: something is wrong in it.
    """
    return _squat(path, video, 0, node).squat


def _squat(path: Path, video: str, number: int, node: yaml.Node) -> _Entry:
    place = f", squat {number} of {video}"
    if not isinstance(node, yaml.MappingNode):
        raise wrong(path, node, "a squat must be a mapping such as {start: 1.0, mid: 2.0, end: 3.0}", place)
    fields: dict[str, yaml.Node] = {}
    for key, value in node.value:
        name = scalar(key)
        if name is None:
            raise wrong(path, key, f"a key must be one of {', '.join(KEYS)}", place)
        if name not in KEYS:
            near = get_close_matches(name.lower(), KEYS, n=1)
            hint = f"did you mean {near[0]}?" if near else f"the keys are {', '.join(KEYS)}"
            raise wrong(path, key, f"unknown key {name!r}; {hint}", place)
        if name in fields:
            raise wrong(path, key, f"{name} is given twice", place)
        fields[name] = value
    if "mid" in fields and "bottom" in fields:
        raise wrong(path, node, "mid and bottom mean the same; give one of them", place)
    bottom = "bottom" if "bottom" in fields else "mid"
    order = ("start", bottom, "end")
    for name in order:
        if name not in fields:
            raise wrong(path, node, f"{name} is missing; a squat needs start, mid (or bottom) and end", place)

    times = [read_time(path, fields[name], name, place) for name in order]
    written = [fields[name].value for name in order]
    for i in (1, 2):
        if times[i] < times[i - 1]:
            what = f"{order[i]} {written[i]} is before {order[i - 1]} {written[i - 1]}"
            raise wrong(path, fields[order[i]], f"{what}; give times in the order {', '.join(order)}", place)
    if times[0] == times[2]:
        raise wrong(path, fields["end"], f"it starts and ends at {written[2]}; give it a length", place)
    if times[2] - times[0] < SHORTEST:
        what = f"it lasts {times[2] - times[0]:.2f} s, from {times[0]:.2f} s on: no squat does"
        if ":" in written[0] + written[2]:
            what += "; the last two digits are frames, 30 a second, so give minutes and seconds as seconds"
        raise wrong(path, fields["end"], what, place)

    label = _label(path, fields.get("label"), place)
    subject = _subject(path, fields.get("subject"), place)
    faults = _faults(path, fields.get("faults"), place)
    squat = Squat(video, 0, times[0], times[1], times[2], label, subject, faults)
    squat = replace(squat, reference=_reference(path, fields.get("reference"), place, squat))
    line = node.start_mark.line + 1
    return _Entry(f"{path}, line {line}{place}", line, written[0], written[2], squat)


def _label(path: Path, node: yaml.Node | None, place: str) -> int | None:
    if node is None or kind(node) == "null":
        return None
    text = scalar(node)
    if text not in ("0", "1"):
        got = "" if text is None else f", got {text!r}"
        what = f"label must be 1 (good) or 0 (bad), or be left out{got}"
        raise wrong(path, node, what, place)
    return int(text)


def _subject(path: Path, node: yaml.Node | None, place: str) -> str | None:
    if node is None or kind(node) == "null":
        return None
    name = as_subject(_name(path, node, "subject", place))
    if not name:
        raise wrong(path, node, "subject must be a name, or be left out", place)
    return name


def as_subject(text: str) -> str:
    """A name in one form: one person must not be two, by how accents are encoded or by spaces around."""
    return unicodedata.normalize("NFC", text).strip()


def _faults(path: Path, node: yaml.Node | None, place: str) -> tuple[str, ...]:
    if node is None or kind(node) == "null":
        return ()
    if not isinstance(node, yaml.SequenceNode):
        raise wrong(path, node, "faults must be a list of names, such as [too shallow]", place)
    return tuple(_name(path, item, "a fault", place) for item in node.value)


def _reference(path: Path, node: yaml.Node | None, place: str, squat: Squat) -> bool:
    if node is None or kind(node) == "null":
        return False
    text = scalar(node)
    if text not in ("true", "false"):
        raise wrong(path, node, f"reference must be true or false, got {text!r}", place)
    if text == "false":
        return False
    if squat.label != 1 or squat.subject is None:
        what = "a reference is known to be good and stands for its subject's squats"
        raise wrong(path, node, f"{what}; give it label: 1 and subject: NAME", place)
    return True


def _name(path: Path, node: yaml.Node, what: str, place: str) -> str:
    text = scalar(node)
    if not text or CONTROL.search(text) or kind(node) in ("bool", "null"):
        raise wrong(path, node, f"{what} must be a name; put quotes around it where need be", place)
    return text


# ---- squats to YAML ----


class _Quoted(str):
    """Text that is always quoted, so that no reader takes it for a base-60 number."""


class _Line(dict[str, object]):
    """A mapping that is written on one line."""


class _Dumper(yaml.SafeDumper):
    """Knows these two, and writes a thing out wherever it occurs."""

    def ignore_aliases(self, data: object) -> bool:
        return True


_Dumper.add_representer(
    _Quoted, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", str(text), style="'")
)
_Dumper.add_representer(
    _Line,
    lambda dumper, data: dumper.represent_mapping("tag:yaml.org,2002:map", data.items(), flow_style=True),
)


def _mapping(squat: Squat) -> _Line:
    times = (squat.start, squat.bottom, squat.end)
    clocks = [in_frames(time) for time in times]
    if None not in clocks:
        mapping = _Line(zip(("start", "mid", "end"), map(_Quoted, clocks), strict=True))
    else:
        mapping = _Line(zip(("start", "bottom", "end"), map(float, times), strict=True))
    if squat.label is not None:
        mapping["label"] = int(squat.label)
    if squat.subject is not None:
        mapping["subject"] = squat.subject
    if squat.faults:
        mapping["faults"] = list(squat.faults)
    if squat.reference:
        mapping["reference"] = True
    return mapping
