"""Files are written whole or not at all, and what is read back is checked against a checksum within it."""

import errno
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from deepsquat.errors import UserError

# The last line of a file. Readers of YAML and of zip files (.npz, .ckpt) pass over it.
_MARK = b"\n# sha256 "
_LINE = len(_MARK) + 64 + 1
# What the system answers where the place is to blame, and not the program.
_NO_PLACE = (
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST),
    *(errno.ENOENT, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL),
)


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it takes the name `path`, on failure it is gone.

    The temporary name keeps the suffix, since some writers choose their format by it.

    Raises:
        UserError: the disk is full or the folder cannot be written.
    """
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        temporary.replace(path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise unwritable(path, error) from error
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def add_checksum(path: Path) -> None:
    """Appends a line with the SHA-256 of what the file holds; call it before the file gets its name."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    with path.open("ab") as file:
        file.write(_MARK + digest.encode() + b"\n")


def read_checked(path: Path, remedy: str) -> bytes:
    """What the file held before `add_checksum`. remedy: what a user does where the checksum does not fit.

    Raises:
        UserError: the file is damaged, was edited, has no checksum, or cannot be read.
    """
    try:
        found = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); {remedy}") from error
    content, line = found[:-_LINE], found[-_LINE:]
    if line != _MARK + hashlib.sha256(content).hexdigest().encode() + b"\n":
        raise UserError(
            f"{path}: its checksum does not fit, so it is damaged, was edited, or is an earlier version's; "
            f"{remedy}"
        )
    return content


def with_checksum(values: Mapping[str, Any]) -> dict[str, Any]:
    """For a JSON file, which takes no such line: the values and, as "sha256", the checksum of them."""
    return {**values, "sha256": _json_checksum(values)}


def without_checksum(found: Any) -> dict[str, Any]:
    """The values given to `with_checksum`, read back from JSON; those of an earlier version have none.

    Raises:
        ValueError: the checksum does not fit, or it is no object.
    """
    if not isinstance(found, dict):
        raise ValueError("no JSON object")
    values = dict(found)
    if values.pop("sha256", None) not in (None, _json_checksum(values)):
        raise ValueError("its checksum does not fit")
    return values


def _json_checksum(values: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def unwritable(path: Path | str, error: OSError) -> Exception:
    """The user's error behind a failed write to `path`, or `error` itself where it is not theirs."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return UserError(f"{path}: the disk is full; free some space and start again")
    if error.errno in _NO_PLACE:
        return UserError(f"{path}: cannot be written ({error.strerror}); choose a folder you may write to")
    return error


def expanded(path: Any, option: str) -> Path:
    """A path as the user typed it, with ~ for a home folder; a name may be a number.

    Raises:
        UserError: it is no path, or ~NAME where there is no such user; `option` says where it was typed.
    """
    if not isinstance(path, str | Path | int | float) or isinstance(path, bool) or not str(path).strip():
        raise UserError(f"{option} must be the path of a file or folder, got {path!r}")
    try:
        return Path(str(path)).expanduser()
    except RuntimeError:
        raise UserError(f"{option}: there is no user of that name for {path}; give the full path") from None
