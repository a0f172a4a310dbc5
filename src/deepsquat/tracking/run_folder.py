"""The files of one offline run.

    <id>/run.json        name, experiment, status, times, tags, the data set that it was given
    <id>/params.json     parameter -> value, as text
    <id>/metrics.jsonl   a line a call: {"time": ms since 1970, "step": n, "values": {metric: value}, ...}
    <id>/artifacts/      files

The metrics' file grows by a line at a time; a last line that is cut short, as by a kill or a full disk, is
ignored. The others are written whole or not at all. What an earlier version wrote bears no checksums.
"""

import errno
import json
import os
import re
import time
import zlib
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from deepsquat import locks
from deepsquat.errors import UserError
from deepsquat.files import unwritable, with_checksum, without_checksum, written_whole

RECORD, PARAMS, METRICS, ARTIFACTS = "run.json", "params.json", "metrics.jsonl", "artifacts"
STATUSES = ("RUNNING", "FINISHED", "FAILED", "KILLED")
_ID = re.compile("[0-9a-f]{32}")


@dataclass(frozen=True)
class Record:
    """run.json. Times in milliseconds since 1970; end_time is None while the run has not ended.

    dataset: name, digest, source and profile; None before the data are known.
    """

    id: str
    name: str
    experiment: str
    status: str
    start_time: int
    end_time: int | None
    tags: dict[str, str]
    dataset: dict[str, str] | None

    def __post_init__(self) -> None:
        dataset = {} if self.dataset is None else self.dataset
        _check_texts(self.id, self.name, self.experiment)
        _check_texts(*self.tags, *self.tags.values(), *dataset, *dataset.values())
        _check_whole(self.start_time, 0 if self.end_time is None else self.end_time)
        if not is_id(self.id) or not self.experiment or self.status not in STATUSES or self.start_time < 0:
            raise ValueError
        if dataset and dataset.keys() != {"name", "digest", "source", "profile"}:
            raise ValueError


@dataclass(frozen=True)
class Logged:
    """One call: when (milliseconds since 1970), at which step, metric -> value."""

    time: int
    step: int
    values: dict[str, float]

    @classmethod
    def now(cls, values: Mapping[str, Any], step: int) -> "Logged":
        return cls(now(), step, {key: float(value) for key, value in values.items()})

    def __post_init__(self) -> None:
        _check_whole(self.time, self.step)
        _check_texts(*self.values)
        if not all(isinstance(value, float) for value in self.values.values()):
            raise TypeError


def texts(values: Mapping[str, Any]) -> dict[str, str]:
    """As text that every database takes: a path may hold bytes that are no letters."""
    return {key: str(value).encode(errors="backslashreplace").decode() for key, value in values.items()}


def now() -> int:
    """Milliseconds since 1970."""
    return int(time.time() * 1000)


def is_id(text: str) -> bool:
    return _ID.fullmatch(text) is not None


def _check_whole(*values: Any) -> None:
    """Raises: a value is no whole number, or none that a database holds."""
    for value in values:
        if not isinstance(value, int):
            raise TypeError
        if not -(2**63) <= value < 2**63:
            raise ValueError


def _check_texts(*values: Any) -> None:
    """Raises: a value is no text, or none that a database holds, such as half of a surrogate pair."""
    for value in values:
        if not isinstance(value, str):
            raise TypeError
        value.encode()


# What reading a damaged file can raise: JSON, its encoding, its depth, what its values are.
_DAMAGE = (ValueError, TypeError, AttributeError, RecursionError, OverflowError)


def _damaged(place: str) -> UserError:
    return UserError(f"{place} is damaged; copy the run's folder again, or delete it")


def _bytes(path: Path) -> bytes:
    """Raises UserError: the file is a link, which may lead anywhere, or cannot be read."""
    try:
        if path.is_symlink() or not path.is_file():
            raise UserError(f"{path} is no plain file; copy the run's folder again, or delete it")
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error


def read_record(folder: Path) -> Record:
    """run.json.

    Raises:
        UserError: it is damaged or cannot be read.
    """
    try:
        return Record(**without_checksum(json.loads(_bytes(folder / RECORD))))
    except _DAMAGE as error:
        raise _damaged(str(folder / RECORD)) from error


def write_record(folder: Path, record: Record) -> None:
    _write_json(folder / RECORD, asdict(record))


def read_params(folder: Path) -> dict[str, str]:
    """params.json; empty where the run did not come so far.

    Raises:
        UserError: it is damaged or cannot be read.
    """
    path = folder / PARAMS
    if not path.exists():
        return {}
    try:
        found = without_checksum(json.loads(_bytes(path)))
        _check_texts(*found, *found.values())
    except _DAMAGE as error:
        raise _damaged(str(path)) from error
    return found


def add_params(folder: Path, values: Mapping[str, str]) -> None:
    _write_json(folder / PARAMS, {**read_params(folder), **values})


def read_metrics(folder: Path) -> list[Logged]:
    """metrics.jsonl in the order of the calls; empty where there is none.

    Raises:
        UserError: a line before the last is damaged, or the file cannot be read.
    """
    path = folder / METRICS
    if not path.exists():
        return []
    content = _bytes(path)
    found = []
    for number, line in enumerate(content[: content.rfind(b"\n") + 1].splitlines(), 1):
        try:
            found.append(_logged(json.loads(line)))
        except _DAMAGE as error:
            raise _damaged(f"{path}, line {number},") from error
    return found


def _logged(values: dict[str, Any]) -> Logged:
    """A line of metrics.jsonl; raises where it is damaged."""
    checksum = values.pop("crc32", None)
    if checksum not in (None, _crc32(values)):
        raise ValueError
    return Logged(**values)


def _crc32(values: Mapping[str, Any]) -> int:
    return zlib.crc32(json.dumps(values).encode())


def append_metrics(folder: Path, logged: Logged) -> None:
    """Adds a line by one write, once what an earlier writer did not finish is cut off."""
    path = folder / METRICS
    values = asdict(logged)
    line = json.dumps({**values, "crc32": _crc32(values)}).encode() + b"\n"
    try:
        with path.open("ab+", buffering=0) as file:
            _cut_torn_line(file)
            if file.write(line) != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    except OSError as error:
        raise unwritable(path, error) from error


def _cut_torn_line(file: IO[bytes]) -> None:
    end = file.seek(0, os.SEEK_END)
    if not end:
        return
    file.seek(end - 1)
    if file.read(1) != b"\n":
        file.seek(0)
        file.truncate(file.read().rfind(b"\n") + 1)


def by_step(metrics: Sequence[Logged], keys: Sequence[str]) -> list[dict[str, float]]:
    """One row a step, its number as "epoch", with what was logged of the keys, the latest of each."""
    rows: dict[int, dict[str, float]] = {}
    for logged in metrics:
        values = {key: value for key, value in logged.values.items() if key in keys}
        if values:
            rows.setdefault(logged.step, {"epoch": logged.step}).update(values)
    return [rows[step] for step in sorted(rows)]


def artifacts(folder: Path) -> list[str]:
    """The files under artifacts/, relative to it, sorted.

    No links, which may lead out of the folder, and no name that begins with a dot, which is half written.
    """
    root = folder / ARTIFACTS
    found: list[str] = []
    if root.is_symlink():
        return found
    for place, below, names in os.walk(root):
        below[:] = [name for name in below if not name.startswith(".")]
        for name in names:
            path = Path(place, name)
            if not name.startswith(".") and path.is_file() and not path.is_symlink():
                found.append(path.relative_to(root).as_posix())
    return sorted(found)


def locked(folder: Path) -> AbstractContextManager[None]:
    """One process at a time."""
    return locks.locked(folder / ".lock")


def _write_json(path: Path, values: Any) -> None:
    with written_whole(path) as temporary:
        temporary.write_text(json.dumps(with_checksum(values), indent=1), encoding="utf-8")
