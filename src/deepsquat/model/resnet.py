"""A small residual network (He et al., 2015, https://arxiv.org/abs/1512.03385), with BatchNorm."""

from torch import Tensor, nn

from deepsquat.errors import UserError


class ResNet(nn.Module):
    """Pose images to a few numbers: a convolution, stages of residual blocks, the mean over places, Dense."""

    def __init__(self, widths: tuple[int, ...] = (16, 32, 64), blocks: int = 1, outputs: int = 2) -> None:
        """widths: channels of each stage; every stage halves the picture. blocks: of a stage."""
        super().__init__()
        if not widths or any(n < 1 for n in widths):
            raise UserError("model.widths must be 1 or more each, and there must be one")
        if blocks < 1:
            raise UserError(f"model.blocks must be 1 or more, got {blocks}")
        self.stem = nn.Sequential(_convolution(3, widths[0], stride=2), nn.ReLU())
        stages: list[nn.Module] = []
        channels = widths[0]
        for width in widths:
            for block in range(blocks):
                stages.append(Residual(channels, width, stride=2 if block == 0 else 1))
                channels = width
        self.stages = nn.Sequential(*stages)
        self.output = nn.Linear(channels, outputs)

    def forward(self, images: Tensor) -> Tensor:
        """images (B, 3, H, W), 0-255 -> (B, outputs); two of them are the logits of bad and good form."""
        return self.output(self.stages(self.stem(images / 255)).mean(dim=(2, 3)))


class Residual(nn.Module):
    """relu(x + f(x)), f two convolutions with BatchNorm; where the shape changes, x goes through one, too."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = _convolution(inputs, outputs, stride)
        self.second = _convolution(outputs, outputs)
        same = inputs == outputs and stride == 1
        self.shortcut = nn.Identity() if same else _convolution(inputs, outputs, stride, size=1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, outputs, H / stride, W / stride)."""
        return (self.shortcut(x) + self.second(self.first(x).relu())).relu()


def _convolution(inputs: int, outputs: int, stride: int = 1, size: int = 3) -> nn.Sequential:
    layer = nn.Conv2d(inputs, outputs, size, stride, padding=size // 2, bias=False)
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    return nn.Sequential(layer, nn.BatchNorm2d(outputs))
