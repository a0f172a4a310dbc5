"""Checkpoints: each names its run, and is checked before a run is resumed from it."""

import io
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from deepsquat.errors import UserError
from deepsquat.files import add_checksum, read_checked, written_whole

# What a run goes on from; the weights of its lowest val/loss; those that its test figures are of.
LAST, BEST, TESTED = "last.ckpt", "best.ckpt", "tested.ckpt"


def write(path: Path, save: Callable[[Path], object]) -> None:
    """Whole, with a checksum. save: writes the file that it is given."""
    with written_whole(path) as temporary:
        save(temporary)
        add_checksum(temporary)


def write_weights(path: Path, network: nn.Module, epoch: int, run_id: str) -> None:
    """A network's weights, as BEST and TESTED have them. epoch: after which they were taken, from 0."""
    weights = {name: value.cpu() for name, value in network.state_dict().items()}
    write(path, lambda temporary: torch.save({"weights": weights, "epoch": epoch, "run": run_id}, temporary))


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
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(f"{path}: is no checkpoint of a run ({reason}); name another") from error


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
