"""Several networks as one: the mean of what they say."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from deepsquat.errors import UserError
from deepsquat.trust import named


class Ensemble(nn.Module):
    """Pose images to the mean of the outputs of networks that differ in their weights alone."""

    def __init__(self, members: int, of: Mapping[str, Any]) -> None:
        """of: `_target_`, the class of each, and its arguments."""
        super().__init__()
        cls = named(str(of["_target_"]), "model.of._target_")
        if not (isinstance(cls, type) and issubclass(cls, nn.Module)):
            raise UserError(f"model.of._target_={of['_target_']} is no torch.nn.Module")
        arguments = {name: value for name, value in of.items() if name != "_target_"}
        self.members = nn.ModuleList(cls(**arguments) for _ in range(members))

    def forward(self, images: Tensor) -> Tensor:
        """images (B, 3, H, W), 0-255 -> (B, outputs)."""
        return torch.stack([member(images) for member in self.members]).mean(dim=0)
