"""Checkpoints: each names its run, and is checked before a run is resumed from it."""

import io
from collections.abc import Callable
from pathlib import Path

import torch

from deepsquat.errors import UserError
from deepsquat.files import add_checksum, read_checked, written_whole

LAST, BEST = "last.ckpt", "best.ckpt"


def write(path: Path, save: Callable[[Path], object]) -> None:
    """Whole, with a checksum. save: writes the file that it is given."""
    with written_whole(path) as temporary:
        save(temporary)
        add_checksum(temporary)


def check_last(folder: Path, run_id: str) -> None:
    """Reads the `last.ckpt` of a run.

    Raises:
        UserError: it is damaged, of an earlier version, or of another run.
    """
    path = folder / LAST
    remedy = "put the copy there that the run keeps under checkpoints/, or start a new run"
    content = read_checked(path, remedy)
    found = torch.load(io.BytesIO(content), weights_only=True, map_location="cpu").get("run")
    if found != run_id:
        raise UserError(f"{path} is of the run {found}, not of {run_id}; {remedy}")
