"""What lies in the folder of an evaluation over folds, and which of its runs can be gone on with."""

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from deepsquat import tracking
from deepsquat.errors import UserError
from deepsquat.files import written_whole
from deepsquat.runs import owner
from deepsquat.runs.record import NO_PARAMS
from deepsquat.tracking import PARENT
from deepsquat.trainer import checkpoint

IDENTITY = "folds.json"
# What says where and how a run is made, and not what.
_NOT_WHAT = (*NO_PARAMS, "keep_weights", "paths", "tracking")
_NOT_WHAT_OF = {
    "trainer": ("accelerator", "compile"),
    "data": ("root", "file", "workers"),
    "pose": ("workers", "scheduler"),
}


def identity(config: Mapping[str, Any], seeds: Sequence[int], fingerprint: str) -> str:
    """A hash of all that decides what comes out. fingerprint: of the data."""
    kept = {key: value for key, value in config.items() if key not in _NOT_WHAT}
    for group, names in _NOT_WHAT_OF.items():
        kept[group] = {key: value for key, value in config[group].items() if key not in names}
    what = {"config": kept, "seeds": list(seeds), "data": fingerprint}
    return hashlib.sha256(json.dumps(what, sort_keys=True, default=str).encode()).hexdigest()


def claim(folder: Path, its_identity: str) -> None:
    """Says what the folder holds.

    Raises:
        UserError: it holds another evaluation, or another run.
    """
    path = folder / IDENTITY
    if path.is_file():
        if json.loads(path.read_text())["identity"] != its_identity:
            raise UserError(
                f"{folder} holds another evaluation: its data or values were others; "
                "put them back, or name another folder with hydra.run.dir=DIR"
            )
        return
    owner.check_free(folder, None)
    with written_whole(path) as temporary:
        temporary.write_text(json.dumps({"identity": its_identity}))


def resumable(store: tracking.Store, folder: Path) -> str | None:
    """The run of a fold that can be gone on with; where there is none, its folder is gone afterwards."""
    known = owner.owner(folder) if folder.exists() else ""
    if known and (folder / checkpoint.LAST).is_file():
        try:
            checkpoint.check_last(folder, known)
            store.find(known)
            return known
        except UserError as error:
            print(f"Note: {error}", flush=True)
    if known:
        with suppress(UserError):  # it was deleted
            store.find(known).end("KILLED")
    shutil.rmtree(folder, ignore_errors=True)
    return None


def settle(store: tracking.Store, parent: tracking.Run, folder: Path) -> None:
    """Ends the run of a complete fold, where a kill came between, and puts it under its parent."""
    with suppress(UserError):  # it was deleted; what it said is kept all the same
        run = store.find(owner.owner(folder))
        if run.tag(PARENT) != parent.id or run.tag("folder") != str(folder):
            run.tags({PARENT: parent.id, "folder": str(folder)})
        if run.status != "FINISHED":
            run.end("FINISHED")
