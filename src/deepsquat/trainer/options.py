"""Which hardware trains, for how long, and what Lightning is told about it."""

import logging
import warnings
from dataclasses import dataclass
from importlib.util import find_spec
from shutil import which
from typing import TYPE_CHECKING, Any

from deepsquat.errors import UserError

if TYPE_CHECKING:
    import pytorch_lightning as pl
    import torch


@dataclass(frozen=True)
class TrainerOptions:
    """accelerator: auto (a GPU where there is one), cpu or gpu. compile: by torch.compile, on a GPU.

    steps_per_epoch: None: as many as the training images make. val_every: so many epochs, and after the last.
    patience: a training ends where val/loss has not been lower for so many epochs; None: it has all of them.
    """

    accelerator: str = "auto"
    max_epochs: int = 50
    compile: bool = False
    steps_per_epoch: int | None = None
    val_every: int = 1
    patience: int | None = None

    def __post_init__(self) -> None:
        if self.accelerator not in ("auto", "cpu", "gpu"):
            raise UserError(f"trainer.accelerator must be auto, cpu or gpu, got {self.accelerator!r}")
        if not 1 <= self.max_epochs < 2**31:
            raise UserError(f"trainer.max_epochs must be from 1 to {2**31 - 1}, got {self.max_epochs}")
        if self.steps_per_epoch is not None and self.steps_per_epoch < 1:
            raise UserError(f"trainer.steps_per_epoch must be 1 or more, or null, got {self.steps_per_epoch}")
        if self.val_every < 1:
            raise UserError(f"trainer.val_every must be 1 or more, got {self.val_every}")
        if self.patience is not None and self.patience < 1:
            raise UserError(f"trainer.patience must be 1 or more, or null, got {self.patience}")


def device_of(options: TrainerOptions) -> "torch.device":
    """The device that trains.

    Raises:
        UserError: a GPU is asked for where there is none, or a compilation where nothing can compile.
    """
    import torch

    gpu = torch.cuda.is_available()
    if options.accelerator == "gpu" and not gpu:
        raise UserError("trainer=gpu: torch sees no GPU here; take trainer=auto or trainer=cpu")
    on_gpu = gpu and options.accelerator != "cpu"
    if on_gpu and options.compile and not (find_spec("triton") and (which("cc") or which("gcc"))):
        raise UserError("trainer.compile=true needs the package triton and a C compiler; leave it out")
    return torch.device("cuda", torch.cuda.current_device()) if on_gpu else torch.device("cpu")


def make_trainer(options: TrainerOptions, callbacks: list[Any]) -> "pl.Trainer":
    """A Lightning trainer on one device; what it would print or save itself is off.

    The network itself turns to bf16 on a GPU.
    """
    import pytorch_lightning as pl
    import torch

    from deepsquat.trainer.checkpoint import InOneFile

    for name in ("pytorch_lightning", "lightning_fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)  # its advice; ours is in the run and on the bar
    warnings.filterwarnings("ignore", module=r"(pytorch_lightning|lightning_fabric)\.")
    on_gpu = device_of(options).type == "cuda"
    # Deterministic mode would fill every new tensor with NaN; nothing here reads what it has not written.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    return pl.Trainer(
        accelerator="gpu" if on_gpu else "cpu",
        devices=1,
        precision="32-true",
        max_epochs=options.max_epochs,
        check_val_every_n_epoch=min(options.val_every, options.max_epochs),
        logger=False,
        callbacks=callbacks,
        deterministic=not on_gpu,
        benchmark=on_gpu,
        num_sanity_val_steps=0,
        enable_progress_bar=False,
        enable_model_summary=False,
        plugins=[InOneFile()],
    )
