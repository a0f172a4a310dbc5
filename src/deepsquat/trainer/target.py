"""What a network is trained to say, of what, and by which loss: one object that a run is given."""

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

# Keras clips probabilities to [1e-7, 1 - 1e-7]: here their logits, of either sign. No gradient beyond.
_FARTHEST = math.log((1 - 1e-7) / 1e-7)  # 16.118, which is also the most that an output can cost

# Images (B, 3, H, W) uint8, labels (B,), squat numbers (B,), true measures (B, 8), NaN where unknown.
Batch = tuple[Tensor, Tensor, Tensor, Tensor]


class Target(Protocol):
    """Another target is another class with these members."""

    loss_name: str  # under which the loss is logged, the L2 term apart
    outputs: int  # numbers that the network gives for one input
    needs_measures: bool  # whether it learns from the bodies' true measures

    def shape(self, height: int, width: int) -> tuple[int, ...]:
        """Of one input of the network, for images of that size."""

    def inputs(self, batch: Batch) -> Tensor:
        """What the network is given (B, *shape), 0-255."""

    def truth(self, batch: Batch) -> Tensor:
        """What it should say (B, ...)."""

    def loss(self, outputs: Tensor, truth: Tensor) -> Tensor:
        """The mean over a batch, from outputs (B, outputs) float32."""

    def p_good(self, outputs: Tensor) -> Tensor:
        """The probability of good form (B,) that the outputs stand for."""


@dataclass(frozen=True)
class GoodOrBad:
    """Bad or good form of one image: two logits, each with its own cross-entropy, as in the paper."""

    loss_name = "bce"
    outputs = 2
    needs_measures = False

    def shape(self, height: int, width: int) -> tuple[int, ...]:
        return 3, height, width

    def inputs(self, batch: Batch) -> Tensor:
        return batch[0]

    def truth(self, batch: Batch) -> Tensor:
        return batch[1]

    def loss(self, outputs: Tensor, truth: Tensor) -> Tensor:
        """Cross-entropy of clipped probabilities: the mean over images and the two outputs."""
        target = torch.stack([1 - truth, truth], dim=1).float()
        return binary_cross_entropy_with_logits(outputs.clamp(-_FARTHEST, _FARTHEST), target)

    def p_good(self, outputs: Tensor) -> Tensor:
        """The mean of what the two outputs say of it."""
        bad, good = outputs.sigmoid().unbind(dim=1)
        return (good + 1 - bad) / 2
