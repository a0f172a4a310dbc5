"""Files are written whole or not at all."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from deepsquat.errors import UserError


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


def unwritable(path: Path | str, error: OSError) -> Exception:
    """The user's error behind a failed write to `path`, or `error` itself where it is not theirs."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return UserError(f"{path}: the disk is full; free some space and start again")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST):
        return UserError(f"{path}: cannot be written ({error.strerror}); choose a folder you may write to")
    return error


def expanded(path: str | Path, option: str) -> Path:
    """A path as the user typed it, with ~ for a home folder.

    Raises:
        UserError: ~NAME where there is no such user; `option` says where it was typed.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise UserError(f"{option}: there is no user of that name for {path}; give the full path") from None
