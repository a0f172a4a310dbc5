"""The paper's network."""

from itertools import pairwise

import torch
from torch import Tensor, nn

from deepsquat.model.options import ConvNetOptions


class ConvNet(nn.Module):
    """Pose images to two logits, for bad and for good form.

    Weights are Glorot-uniform and biases zero, as Keras does by default; inputs are raw 0-255 values.
    """

    def __init__(self, options: ConvNetOptions, height: int, width: int) -> None:
        super().__init__()
        channels, rows, columns = options.feature_shape(height, width)
        self.blocks = nn.Sequential(*_blocks(options), nn.Flatten())
        units = (channels * rows * columns, *options.hidden)
        self.hidden = nn.Sequential(
            *(layer for a, b in pairwise(units) for layer in (nn.Linear(a, b), nn.ReLU()))
        )
        self.output = nn.Linear(units[-1], 2)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]

    def forward(self, images: Tensor) -> Tensor:
        """images (B, 3, H, W), uint8 or float 0-255 -> logits (B, 2)."""
        return self.output(self.hidden(self.blocks(images.float())))

    def squared_weights(self) -> Tensor:
        """Sum of squares of every convolution's and hidden Dense layer's weights: the L2 term over lambda.

        Biases and the last Dense layer are left out, as in the paper's implementation.
        """
        return torch.stack([weight.square().sum() for weight in self.penalised()]).sum()

    def penalised(self) -> list[Tensor]:
        """The weights that the L2 term counts."""
        layers = [m for m in (*self.blocks, *self.hidden) if isinstance(m, nn.Conv2d | nn.Linear)]
        return [layer.weight for layer in layers]


def _blocks(options: ConvNetOptions) -> list[nn.Module]:
    layers: list[nn.Module] = []
    channels = 3
    for filters in options.filters:
        for inputs in (channels, filters):
            layers += [nn.Conv2d(inputs, filters, options.kernel_size, padding=options.padding), nn.ReLU()]
        layers += [nn.MaxPool2d(2), nn.Dropout(options.dropout)]
        channels = filters
    return layers
