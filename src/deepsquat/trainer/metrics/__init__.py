"""Metrics of a pass over train, val or test: one file here each, with a function of the file's name.

The function takes `Answers` and gives a number, which is logged as train/NAME, val/NAME and test/NAME. Its
further parameters are options, set in the config under metrics.NAME. A function outside of this folder is a
metric where metrics.NAME._target_ names it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pkgutil import iter_modules

import torch
from torch import Tensor

from deepsquat.errors import UserError
from deepsquat.trainer.target import Target
from deepsquat.trust import reason


@dataclass(frozen=True)
class Answers:
    """What a network said of m images, on the CPU. In train with dropout on, by the weights of each step."""

    outputs: Tensor  # (m, outputs) float32, as the network gives them
    truth: Tensor  # (m,) int64, 1 good form, 0 bad
    p_good: Tensor  # (m,) float32, the probability of good form
    squat: Tensor  # (m,) int64, number of the squat in its part

    def per_squat(self) -> tuple[Tensor, Tensor]:
        """Truth and mean probability of good form of each squat, (squats,) float64."""
        _, number = self.squat.unique(return_inverse=True)
        count = torch.bincount(number)
        return (
            torch.bincount(number, weights=self.truth.double()) / count,
            torch.bincount(number, weights=self.p_good.double()) / count,
        )


Metric = Callable[[Answers], float]


def names() -> list[str]:
    """The metrics that have a file in this folder."""
    return sorted(module.name for module in iter_modules(__path__))


def tried(metrics: Mapping[str, Metric], target: Target) -> None:
    """Computes every metric once, on eight made-up images of four squats.

    Raises:
        UserError: one fails, or gives no number.
    """
    outputs = torch.linspace(-2, 2, 8 * target.outputs).reshape(8, target.outputs)
    number = torch.arange(8) // 2
    sample = Answers(outputs, number % 2, target.p_good(outputs), number)
    for name, metric in metrics.items():
        try:
            float(metric(sample))
        except Exception as error:
            raise UserError(f"metrics.{name}: {reason(error)}") from error
