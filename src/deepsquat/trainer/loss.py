"""What is minimised."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from deepsquat.trainer.target import Target


@dataclass(frozen=True)
class Loss:
    """A target's loss, and l2 times the sum of the squares of some weights, the L2 term."""

    target: Target
    penalised: Sequence[Tensor]
    l2: float
