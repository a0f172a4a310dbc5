"""Runs and studies in one archive, without checkpoints: written whole, unpacked where they are not yet."""

import gzip
import tarfile
import zlib
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from deepsquat.errors import UserError
from deepsquat.files import written_whole
from deepsquat.tracking.run_folder import RECORD, read_record

_LEFT_OUT = {".ckpt", ".lock"}
_RUNS = "multirun/offline"
_AT_ONCE = 1 << 20  # bytes


def pack(home: Path, path: Path, studies: Sequence[str]) -> bool:
    """Writes the studies of `home` to `path`: their runs that have ended, journals, and the trials' configs.

    What has not ended is left out, and begins anew where the archive is unpacked. False: there is nothing.
    """
    files = [file for study in studies for file in _of_study(home / "multirun" / study)]
    files += [file for run in _runs(home, studies) for file in sorted(run.rglob("*"))]
    files = [f for f in files if f.is_file() and f.suffix not in _LEFT_OUT and not f.name.startswith(".")]
    if not files:
        return False
    with written_whole(path) as temporary, tarfile.open(temporary, "w:gz") as archive:
        for file in files:
            content = file.read_bytes()
            if file.suffix == ".journal":  # a process may be writing to it
                content = content[: content.rfind(b"\n") + 1]
            member = archive.gettarinfo(file, str(file.relative_to(home)))
            member.size, member.uname, member.gname, member.uid, member.gid = len(content), "", "", 0, 0
            archive.addfile(member, BytesIO(content))
    return True


def _of_study(folder: Path) -> Iterator[Path]:
    yield from (folder / "study.journal", folder / "study.id")
    yield from sorted(folder.glob("*/files/config.yaml"))


def _runs(home: Path, studies: Sequence[str]) -> Iterator[Path]:
    for path in sorted((home / _RUNS).glob(f"*/{RECORD}")):
        try:
            run = read_record(path.parent)
        except UserError:  # of whatever study it was: src/sync.py names it
            continue
        parent, child = run.tags.get("sweep"), run.tags.get("study")
        if parent in studies or (child in studies and run.status in ("FINISHED", "FAILED")):
            yield path.parent


def ended(home: Path, studies: Sequence[str]) -> int:
    """How many runs a pack would hold."""
    return sum(1 for _ in _runs(home, studies))


def unpack(path: Path, folder: Path) -> None:
    """Puts all that the archive holds into `folder`.

    Raises:
        UserError: it cannot be read, or holds other things.
    """
    try:
        with gzip.open(path) as content:  # to its end, where its checksum is: tarfile ends before that
            while content.read(_AT_ONCE):
                pass
        with tarfile.open(path) as archive:
            strange = [
                m.name for m in archive if not m.isfile() or PurePosixPath(m.name).parts[0] != "multirun"
            ]
            if strange:
                raise UserError(f"{path}: is no archive of src/reproduce.py, for it holds {strange[0]}")
            archive.extractall(folder, filter="data")
    except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
        raise UserError(f"{path}: cannot be unpacked ({error}); bring it back, or take it away") from error


def adopt(path: Path, home: Path) -> list[str]:
    """Puts the runs and studies of an archive into `home`: those that are not there, or as they were before.

    Others have gone on. Returns the names of its studies.

    Raises:
        UserError: the archive cannot be read.
    """
    multirun = home / "multirun"
    multirun.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=multirun, prefix=".unpacked-") as temporary:
        unpack(path, Path(temporary))
        unpacked = Path(temporary) / "multirun"
        runs = sorted((unpacked / "offline").glob("*"))
        studies = sorted(place for place in unpacked.iterdir() if place.name != "offline")
        for place in (*runs, *studies):  # a study that is there has its runs
            target = multirun / place.relative_to(unpacked)
            if not target.exists():
                target.parent.mkdir(exist_ok=True)
                place.replace(target)
            elif place in studies:
                _bring_up_to_date(target, place)
        return [place.name for place in studies]


def _bring_up_to_date(study: Path, packed: Path) -> None:
    """Takes a journal that goes on where this study's ends, and the configs of its further trials."""
    ours, theirs = (folder / "study.journal" for folder in (study, packed))
    if not (ours.is_file() and theirs.is_file()):
        return
    before, now = ours.read_bytes(), theirs.read_bytes()
    if before == now or not now.startswith(before):
        return
    for config in packed.glob("*/files/config.yaml"):
        target = study / config.relative_to(packed)
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            config.replace(target)
    with written_whole(ours) as temporary:
        temporary.write_bytes(now)
