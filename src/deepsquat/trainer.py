"""Which hardware trains, for how long, and what Lightning is told about it."""

import logging
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deepsquat.errors import UserError

if TYPE_CHECKING:
    import pytorch_lightning as pl


@dataclass(frozen=True)
class TrainerOptions:
    """accelerator: auto (a GPU where there is one), cpu or gpu."""

    accelerator: str = "auto"
    max_epochs: int = 50

    def __post_init__(self) -> None:
        if self.accelerator not in ("auto", "cpu", "gpu"):
            raise UserError(f"trainer.accelerator must be auto, cpu or gpu, got {self.accelerator!r}")
        if self.max_epochs < 1:
            raise UserError(f"trainer.max_epochs must be 1 or more, got {self.max_epochs}")


def device_of(options: TrainerOptions) -> str:
    """ "gpu" or "cpu".

    Raises:
        UserError: a GPU is asked for where there is none.
    """
    import torch

    gpu = torch.cuda.is_available()
    if options.accelerator == "gpu" and not gpu:
        raise UserError("trainer=gpu: torch sees no GPU here; take trainer=auto or trainer=cpu")
    return "gpu" if gpu and options.accelerator != "cpu" else "cpu"


def make_trainer(options: TrainerOptions, callbacks: list[Any]) -> "pl.Trainer":
    """A Lightning trainer on one device, bf16 on a GPU; what it would print or save itself is off."""
    import pytorch_lightning as pl

    for name in ("pytorch_lightning", "lightning_fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)  # its advice; ours is in the run and on the bar
    warnings.filterwarnings("ignore", module=r"(pytorch_lightning|lightning_fabric)\.")
    device = device_of(options)
    return pl.Trainer(
        accelerator=device,
        devices=1,
        precision="bf16-mixed" if device == "gpu" else "32-true",
        max_epochs=options.max_epochs,
        logger=False,
        callbacks=callbacks,
        deterministic=device == "cpu",
        num_sanity_val_steps=0,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
