"""A network of one's own."""

from torch import Tensor, nn


class SmallNet(nn.Module):
    """One convolution with large steps, then a dense layer."""

    def __init__(self, height: int, width: int, filters: int = 8, step: int = 4) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, filters, kernel_size=step, stride=step)
        self.output = nn.Linear(filters * (height // step) * (width // step), 2)

    def forward(self, images: Tensor) -> Tensor:
        """images (B, 3, H, W), 0-255 -> two logits (B, 2): bad form, good form."""
        return self.output(self.convolution(images / 255).relu().flatten(1))
