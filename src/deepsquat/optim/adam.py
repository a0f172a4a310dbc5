"""Adam as Keras has it, and what it may be told."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.adam import adam

from deepsquat.errors import UserError

BETAS, EPSILON = (0.9, 0.999), 1e-7


@dataclass(frozen=True)
class AdamOptions:
    """Adam, and what it minimises: the target's loss plus l2 times the sum of squared weights."""

    lr: float = 1e-5
    l2: float = 1e-6
    batch_size: int = 500
    decay: str = "none"  # of lr: none, or cosine, from epoch to epoch down to nearly 0

    def __post_init__(self) -> None:
        if not 0 < self.lr < math.inf:
            raise UserError(f"optim.lr must be a number above 0, got {self.lr}")
        if not 0 <= self.l2 < math.inf:
            raise UserError(f"optim.l2 must be a number, 0 or more, got {self.l2}")
        if self.batch_size < 1:
            raise UserError(f"optim.batch_size must be 1 or more, got {self.batch_size}")
        if self.decay not in ("none", "cosine"):
            raise UserError(f"optim.decay must be none or cosine, got {self.decay!r}")

    def rate(self, epoch: int, epochs: int) -> float:
        """The learning rate of an epoch, from 0 on; the cosine is Loshchilov and Hutter's, SGDR, 2017."""
        return self.lr if self.decay == "none" else self.lr * (1 + math.cos(math.pi * epoch / epochs)) / 2


class Adam(torch.optim.Optimizer):
    """Keras's Adam: a step is lr * sqrt(1 - b2^t) / (1 - b1^t) * m / (sqrt(v) + 1e-7).

    torch's own adds epsilon after the bias correction. Here torch's fused kernel is told a step so late that
    it corrects nothing, and a rate that holds both corrections. All of it happens on the weights' device, so
    that a CUDA graph can replay it. The state is laid out as torch's.
    """

    def __init__(self, groups: list[dict[str, Any]], lr: float) -> None:
        # fused: where a checkpoint is read, torch then brings `step` to the weights' device.
        super().__init__(groups, {"lr": lr, "weight_decay": 0.0, "fused": True})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Moves every weight that has a gradient or a penalty; t counts the steps of all."""
        for group in self.param_groups:
            weights = [weight for weight in group["params"] if weight.requires_grad]
            if not weights:
                continue
            for weight in weights:
                if weight.grad is None and group["weight_decay"]:  # the penalty's gradient is there even so
                    weight.grad = torch.zeros_like(weight)
            states = [self.state[weight] or self._begun(weight) for weight in weights]
            torch._foreach_add_([state["step"] for state in states], 1)
            t = states[0]["step"]
            m_scale, v_scale = (-torch.expm1(t * math.log(beta)) for beta in BETAS)  # 1 - beta^t
            found = [i for i, weight in enumerate(weights) if weight.grad is not None]
            adam(
                [weights[i] for i in found],
                [weights[i].grad for i in found],
                [states[i]["exp_avg"] for i in found],
                [states[i]["exp_avg_sq"] for i in found],
                [],
                [_late(t.device)] * len(found),
                fused=True,
                amsgrad=False,
                beta1=BETAS[0],
                beta2=BETAS[1],
                lr=group["lr"] * v_scale.sqrt() / m_scale,
                weight_decay=group["weight_decay"],
                eps=EPSILON,
                maximize=False,
            )

    def set_rate(self, lr: float) -> None:
        """As a number on the weights' device, so that a CUDA graph sees it change."""
        for group in self.param_groups:
            if not group["params"]:
                continue
            device, before = group["params"][0].device, group["lr"]
            if isinstance(before, Tensor) and before.device == device:
                before.fill_(lr)
            else:
                group["lr"] = torch.tensor(lr, device=device)

    def _begun(self, weight: Tensor) -> dict[str, Tensor]:
        self.state[weight] = {
            "step": torch.zeros((), device=weight.device),
            "exp_avg": torch.zeros_like(weight),
            "exp_avg_sq": torch.zeros_like(weight),
        }
        return self.state[weight]


@cache
def _late(device: torch.device) -> Tensor:
    """A step at which 1 - beta^t is 1; in float32 one more changes nothing."""
    return torch.tensor(1e9, device=device)


def adam_for(network: nn.Module, options: AdamOptions, penalised: Sequence[Tensor]) -> Adam:
    """The optimizer of a network's weights, those that are frozen left out.

    penalised: those that the L2 term counts. Its gradient, 2 * l2 * w, goes into Adam's moments as its
    weight_decay does. That is L2 inside Adam, as in the paper, and not the decoupled decay of AdamW.

    Raises:
        UserError: there is nothing to train.
    """
    counted = {id(weight) for weight in penalised}
    weights = [weight for weight in network.parameters() if weight.requires_grad]
    if not weights:
        raise UserError(f"model: {type(network).__name__} has no parameter that can be trained")
    groups: list[dict[str, Any]] = [
        {"params": [w for w in weights if id(w) in counted], "weight_decay": 2 * options.l2},
        {"params": [w for w in weights if id(w) not in counted]},
    ]
    return Adam(groups, options.lr)
