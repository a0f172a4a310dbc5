"""The files of UI-PRMD: found in a folder or a zip, and read."""

import math
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from deepsquat.data.ui_prmd.markers import MARKERS, with_short_gaps_filled
from deepsquat.errors import UserError
from deepsquat.files import expanded

_PAGE = "https://webpages.uidaho.edu/ui-prmd/"
_FOLDERS = ("Segmented Movements", "Incorrect Segmented Movements")
_FILE = re.compile(
    r"(?:^|/)(?:Incorrect )?Segmented Movements/Vicon/Positions/m01_(s\d+)_e(\d+)_positions(_inc)?\.txt$"
)
RATE = 100  # samples a second
_LONGEST_GAP = 20  # samples over which a lost marker is interpolated, 0.2 s
_FARTHEST = 100_000  # millimetres from the laboratory's origin
_MOST_BYTES = 16_000_000  # a repetition takes less than 1 MB


@dataclass(frozen=True)
class Recording:
    """One file: one repetition.

    The repetitions were cut from one recording a subject and set. That is what must not be on both sides
    of a split, so it is the "video", and the repetition's number in the file name is the squat's index.
    """

    name: str  # path inside the data set, with forward slashes
    where: str  # for messages
    subject: str  # "s05"
    repetition: int
    label: int
    read: Callable[[], bytes]

    @property
    def video(self) -> str:
        return f"m01_{self.subject}" + ("" if self.label else "_inc")

    @property
    def squat(self) -> str:
        return f"{self.video}#{self.repetition}"


@contextmanager
def recordings_under(root: str | None) -> Iterator[list[Recording]]:
    """The recordings under `root`, in order of video and repetition, readable until the block ends.

    Raises:
        UserError: there are none, or `root` is neither a folder nor a zip.
    """
    if root is None or not str(root).strip():
        raise UserError(f"data.root: say where the UI-PRMD download is, a folder or a zip; get it at {_PAGE}")
    path = expanded(str(root), "data.root")
    if path.is_dir():
        top = _top(path)
        files = {p.relative_to(top).as_posix(): p for p in top.rglob("Vicon/Positions/m01_*.txt")}
        yield _sorted([_recording(name, p, partial(_file_bytes, p)) for name, p in files.items()], path)
        return
    if not path.exists():
        raise UserError(f"data.root: {path} is not there; it must be the UI-PRMD download, from {_PAGE}")
    try:
        archive = zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        raise UserError(f"{path}: a truncated or damaged zip; download it again from {_PAGE}") from error
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    with archive:
        names = [info.filename for info in archive.infolist() if not info.is_dir()]
        yield _sorted(
            [_recording(n, path / n, partial(_member_bytes, archive, path, n)) for n in names], path
        )


def _top(folder: Path) -> Path:
    """The folder that holds both sets, where `folder` is inside one of them; else `folder`."""
    resolved = folder.resolve()
    for parent in (resolved, *resolved.parents):
        if parent.name in _FOLDERS:
            return parent.parent
    return folder


def _recording(name: str, where: Path, read: Callable[[], bytes]) -> Recording | None:
    match = _FILE.search(name)
    if match is None:
        return None
    subject, repetition, incorrect = match.groups()
    return Recording(name, str(where), subject, int(repetition), 0 if incorrect else 1, read)


def _sorted(found: list[Recording | None], root: Path) -> list[Recording]:
    recordings: dict[tuple[str, int], Recording] = {}
    for recording in filter(None, found):
        key = (recording.video, recording.repetition)
        if key in recordings:
            raise UserError(
                f"{recording.where}: also at {recordings[key].where}; point data.root at one copy"
            )
        recordings[key] = recording
    if not recordings:
        raise UserError(
            f'{root}: holds no "Segmented Movements/Vicon/Positions/m01_..._positions.txt"; '
            f"data.root must be the UI-PRMD download, from {_PAGE}"
        )
    return [recordings[key] for key in sorted(recordings)]


def _file_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return _bounded(file.read(_MOST_BYTES + 1), path)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error


def _member_bytes(archive: zipfile.ZipFile, path: Path, name: str) -> bytes:
    try:
        with archive.open(name) as file:
            return _bounded(file.read(_MOST_BYTES + 1), path / name)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, OSError) as error:
        raise UserError(f"{path / name}: cannot be unpacked; download the zip again from {_PAGE}") from error


def _bounded(content: bytes, where: Path) -> bytes:
    if len(content) > _MOST_BYTES:
        raise UserError(f"{where}: larger than {_MOST_BYTES // 10**6} MB, so it is not a file of UI-PRMD")
    return content


def read_markers(recording: Recording) -> np.ndarray:
    """(n, 39, 3) metres, NaN where a marker is lost.

    Raises:
        UserError: the file is empty, or a line of it is not 117 numbers.
    """
    lines = recording.read().rstrip().splitlines()
    if not lines:
        raise UserError(f"{recording.where}: the file is empty; download the data set again")
    columns = 3 * len(MARKERS)
    for number, text in enumerate(lines, start=1):
        if (count := text.count(b",") + 1) != columns:
            raise UserError(f"{recording.where}, line {number}: {count} columns instead of {columns}")
    try:
        values = np.array(b",".join(lines).split(b","), dtype=np.float64)
    except ValueError:
        values = np.array([_number(word) for word in b",".join(lines).split(b",")])
    wrong = np.flatnonzero(~(np.abs(values) <= _FARTHEST))
    if len(wrong):
        line, column = divmod(int(wrong[0]), columns)
        word = lines[line].split(b",")[column].strip().decode(errors="replace")
        raise UserError(f"{recording.where}, line {line + 1}: {word[:20]!r} is not a position in millimetres")
    return with_short_gaps_filled(values.reshape(-1, len(MARKERS), 3) / 1000, _LONGEST_GAP)


def _number(word: bytes) -> float:
    try:
        return float(word)
    except ValueError:
        return math.nan
