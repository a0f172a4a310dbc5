"""Checkpoints: each names its run, and is checked before a run is resumed from it."""

import io
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning.plugins.io import TorchCheckpointIO
from torch import Tensor

from deepsquat.errors import UserError
from deepsquat.files import add_checksum, read_checked, written_whole

# What a run goes on from; the weights of its lowest val/loss; those that its test figures are of.
LAST, BEST, TESTED = "last.ckpt", "best.ckpt", "tested.ckpt"


class InOneFile(TorchCheckpointIO):
    """Lightning's checkpoints, without another file elsewhere first."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None
    ) -> None:
        save(checkpoint, Path(path))


def save(what: Mapping[str, Any], path: Path) -> None:
    """As torch.save, which says of a full disk but that a position was not expected."""
    content = io.BytesIO()
    torch.save(what, content)
    path.write_bytes(content.getbuffer())


def write(path: Path, save: Callable[[Path], object]) -> None:
    """Whole, with a checksum. save: writes the file that it is given."""
    with written_whole(path) as temporary:
        save(temporary)
        add_checksum(temporary)


def write_weights(path: Path, weights: Mapping[str, Tensor], epoch: int, run_id: str) -> None:
    """A network's weights, as BEST and TESTED have them. epoch: after which they were taken, from 0."""
    on_host = {name: value.cpu() for name, value in weights.items()}
    write(path, partial(save, {"weights": on_host, "epoch": epoch, "run": run_id}))


def refuse_unreadable(states: Mapping[str, Any]) -> None:
    """states: of callbacks, by their names.

    Raises:
        UserError: one holds what no run could go on from, since nothing is unpickled.
    """
    for name, state in states.items():
        content = io.BytesIO()
        try:
            torch.save(state, content)
            content.seek(0)
            torch.load(content, weights_only=True)
        except Exception as error:
            raise UserError(
                f"callbacks: the state of {name} cannot be read back ({_first_line(error)}); let it hold "
                "text, numbers, as float() makes them of NumPy's, tensors, and lists and dicts of these"
            ) from error


def read_weights(path: Path) -> tuple[dict[str, Tensor], str]:
    """The network's weights in a checkpoint of any kind, and the id of its run. Nothing is unpickled.

    Raises:
        UserError: it is not there, damaged, or holds something else.
    """
    content = read_checked(path, "name a checkpoint of a run that has finished, or train anew")
    try:
        found = torch.load(io.BytesIO(content), weights_only=True, map_location="cpu")
        if "weights" in found:
            weights = found["weights"]
        else:
            own = "network."
            weights = {k.removeprefix(own): v for k, v in found["state_dict"].items() if k.startswith(own)}
        return dict(weights), str(found["run"])
    except Exception as error:  # whatever somebody's file leads to
        raise UserError(f"{path}: is no checkpoint of a run ({_first_line(error)}); name another") from error


def check_last(folder: Path, run_id: str) -> None:
    """Reads the `last.ckpt` of a run.

    Raises:
        UserError: it is damaged, of an earlier version, or of another run.
    """
    path = folder / LAST
    remedy = "put the copy there that the run keeps under checkpoints/, or start a new run"
    content = read_checked(path, remedy)
    try:
        found = torch.load(io.BytesIO(content), weights_only=True, map_location="cpu").get("run")
    except Exception as error:  # as where a callback's state is of a kind that is not read
        raise UserError(f"{path}: cannot be read ({_first_line(error)}); {remedy}") from error
    if found != run_id:
        raise UserError(f"{path} is of the run {found}, not of {run_id}; {remedy}")


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
