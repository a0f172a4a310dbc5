"""A small plain network of convolutions with BatchNorm."""

from torch import Tensor, nn

from deepsquat.errors import UserError


class PlainNet(nn.Module):
    """Pose images to a few numbers: N x (Conv, BatchNorm, ReLU, MaxPool), Dense, BatchNorm, ReLU, Dense."""

    def __init__(
        self,
        height: int,
        width: int,
        widths: tuple[int, ...] = (24, 32, 48, 64),
        hidden: int = 64,
        outputs: int = 2,
    ) -> None:
        """widths: channels of each convolution. hidden: units of the dense layer. outputs: see Target.

        Raises:
            UserError: a value is out of range, or nothing is left of the image after the last pooling.
        """
        super().__init__()
        if not widths or min(*widths, hidden) < 1:
            raise UserError("model.widths and model.hidden must be 1 or more each")
        rows, columns = height >> len(widths), width >> len(widths)
        if not rows or not columns:
            raise UserError(
                f"model.widths: {len(widths)} halvings leave nothing of {height} x {width} pixels; "
                "take fewer, or larger images"
            )
        layers: list[nn.Module] = []
        for before, after in zip((3, *widths), widths, strict=False):
            layers += [
                nn.Conv2d(before, after, 3, padding=1, bias=False),
                nn.BatchNorm2d(after),
                nn.ReLU(),
                nn.MaxPool2d(2),
            ]
        self.features = nn.Sequential(*layers, nn.Flatten())
        self.hidden = nn.Linear(widths[-1] * rows * columns, hidden, bias=False)
        self.norm = nn.BatchNorm1d(hidden)
        self.output = nn.Linear(hidden, outputs)

    def forward(self, images: Tensor) -> Tensor:
        """images (B, 3, H, W), 0-255 -> (B, outputs); two of them are the logits of bad and good form."""
        units = self.hidden(self.features(images / 255))
        if len(images) > 1 or not self.training:  # one image alone, the rest of an epoch, has no spread
            units = self.norm(units)
        return self.output(units.relu())
