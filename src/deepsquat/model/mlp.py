"""Dense layers on a small picture: the least that a network with convolutions must do better than."""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from deepsquat.errors import UserError
from deepsquat.model.dropout import Dropout


class MLP(nn.Module):
    """Pose images, shrunk to 48 x 27 by the mean over areas, to two logits through dense layers."""

    each_image_alone = True

    def __init__(self, hidden: tuple[int, ...] = (128, 64), dropout: float = 0.0) -> None:
        """hidden: units of the dense layers but the last. dropout: after each of these."""
        super().__init__()
        _refuse(hidden, dropout)
        units = (3 * 48 * 27, *hidden)
        layers: list[nn.Module] = [nn.AdaptiveAvgPool2d((48, 27)), nn.Flatten()]
        for a, b in pairwise(units):
            layers += [nn.Linear(a, b), nn.ReLU(), Dropout(dropout)]
        self.layers = nn.Sequential(*layers)
        self.output = nn.Linear(units[-1], 2)

    def forward(self, images: Tensor) -> Tensor:
        """images (B, 3, H, W), 0-255 -> logits (B, 2)."""
        return self.output(self.layers(images / 255))


def _refuse(hidden: Sequence[int], dropout: float) -> None:
    if any(n < 1 for n in hidden):
        raise UserError("model.hidden must be 1 or more each")
    if not 0 <= dropout < 1:
        raise UserError(f"model.dropout must be at least 0 and below 1, got {dropout}")
