"""The paper's network."""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from deepsquat.errors import UserError
from deepsquat.model.dropout import Dropout
from deepsquat.model.figure import near_figure

# The paper's filters per block; deeper nets go on alternating.
_PAPER_WIDTHS = {1: (64,), 2: (32, 64), 3: (32, 64, 32), 4: (32, 64, 32, 64)}
_BEFORE_DROPOUT = 5  # layers of the first block


class ConvNet(nn.Module):
    """N blocks of Conv-ReLU, Conv-ReLU, MaxPool 2x2, Dropout, then Dense 128, 64 and 2: images to two logits.

    Weights are Glorot-uniform and biases zero, as Keras does by default; inputs are raw 0-255 values.
    """

    each_image_alone = True

    def __init__(
        self,
        height: int,
        width: int,
        blocks: int = 4,
        kernel_size: int = 3,
        widths: tuple[int, ...] | None = None,
        hidden: tuple[int, ...] = (128, 64),
        dropout: float = 0.25,
        padding: str = "valid",
    ) -> None:
        """widths: filters of each block; None: the paper's for that depth. hidden: units of the Dense layers
        but the last. dropout: after each block. padding: valid (none, as in the paper), or same: the image
        shrinks by pooling alone.

        Raises:
            UserError: a value is out of its range, or a block would shrink the image to nothing.
        """
        super().__init__()
        _refuse(blocks, kernel_size, widths, hidden, dropout, padding)
        rows, columns = _shrunk(height, width, blocks, kernel_size, padding)
        self.filters = tuple(widths or _PAPER_WIDTHS.get(blocks) or (32, 64) * blocks)[:blocks]
        self.kernel_size = kernel_size
        self.blocks = nn.Sequential(*_blocks(self.filters, kernel_size, dropout, padding), nn.Flatten())
        self.units = (self.filters[-1] * rows * columns, *hidden)
        self.hidden = nn.Sequential(
            *(layer for a, b in pairwise(self.units) for layer in (nn.Linear(a, b), nn.ReLU()))
        )
        self.output = nn.Linear(self.units[-1], 2)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]

    def forward(self, images: Tensor) -> Tensor:
        """images (B, 3, H, W), 0-255 -> logits (B, 2)."""
        first, rest = list(self.blocks)[:_BEFORE_DROPOUT], list(self.blocks)[_BEFORE_DROPOUT:]
        x = near_figure(first, images)
        for layer in rest:
            x = layer(x)
        return self.output(self.hidden(x))

    def describe(self) -> str:
        """For the names of runs."""
        return f"{len(self.filters)} blocks, kernel {self.kernel_size}"


def _refuse(
    blocks: int,
    kernel_size: int,
    widths: Sequence[int] | None,
    hidden: Sequence[int],
    dropout: float,
    padding: str,
) -> None:
    if blocks < 1:
        raise UserError(f"model.blocks must be 1 or more, got {blocks}")
    if not 2 <= kernel_size <= 7:
        raise UserError(f"model.kernel_size must be 2 to 7, got {kernel_size}")
    if not 0 <= dropout < 1:
        raise UserError(f"model.dropout must be at least 0 and below 1, got {dropout}")
    if padding not in ("valid", "same"):
        raise UserError(f"model.padding must be valid or same, got {padding!r}")
    if widths is not None and len(widths) != blocks:
        raise UserError(f"model.widths names {len(widths)} blocks, but model.blocks is {blocks}")
    if any(n < 1 for n in (*(widths or ()), *hidden)):
        raise UserError("model.widths and model.hidden must be 1 or more each")


def _shrunk(height: int, width: int, blocks: int, kernel_size: int, padding: str) -> tuple[int, int]:
    """Height and width of what the last block gives.

    Raises:
        UserError: a block would shrink the image to nothing; names the block.
    """
    size = (height, width)
    lost = kernel_size - 1 if padding == "valid" else 0
    for block in range(1, blocks + 1):
        rows, columns = ((side - 2 * lost) // 2 for side in size)
        if min(rows, columns) < 1:
            raise UserError(
                f"model: block {block} of {blocks} would shrink its {size[0]} x {size[1]} input to "
                f"nothing (images {height} x {width}, kernel {kernel_size}); "
                "take fewer blocks, a smaller kernel, larger images or model.padding=same"
            )
        size = (rows, columns)
    return size


def _blocks(filters: Sequence[int], kernel_size: int, dropout: float, padding: str) -> list[nn.Module]:
    layers: list[nn.Module] = []
    channels = 3
    for outputs in filters:
        first, second = (
            nn.Conv2d(inputs, outputs, kernel_size, padding=padding) for inputs in (channels, outputs)
        )
        # Pooling first: the same numbers as the ReLU first, for a quarter of its work.
        layers += [first, nn.ReLU(inplace=True), second, nn.MaxPool2d(2), nn.ReLU(inplace=True)]
        layers.append(Dropout(dropout))
        channels = outputs
    return layers
