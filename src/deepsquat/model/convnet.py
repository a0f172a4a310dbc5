"""The paper's network."""

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from deepsquat.errors import UserError
from deepsquat.model.dropout import Dropout

# The paper's filters per block; deeper nets go on alternating.
_PAPER_WIDTHS = {1: (64,), 2: (32, 64), 3: (32, 64, 32), 4: (32, 64, 32, 64)}


@dataclass(frozen=True)
class ConvNetOptions:
    """N blocks of Conv-ReLU, Conv-ReLU, MaxPool 2x2, Dropout, then Dense 128, 64 and 2."""

    blocks: int = 4
    kernel_size: int = 3
    widths: tuple[int, ...] | None = None  # filters of each block; None: the paper's for that depth
    hidden: tuple[int, ...] = (128, 64)  # units of the hidden Dense layers
    dropout: float = 0.25  # after each block
    padding: str = "valid"  # valid: none, as in the paper; same: the image shrinks by pooling alone

    def __post_init__(self) -> None:
        if self.blocks < 1:
            raise UserError(f"model.blocks must be 1 or more, got {self.blocks}")
        if not 2 <= self.kernel_size <= 7:
            raise UserError(f"model.kernel_size must be 2 to 7, got {self.kernel_size}")
        if not 0 <= self.dropout < 1:
            raise UserError(f"model.dropout must be at least 0 and below 1, got {self.dropout}")
        if self.padding not in ("valid", "same"):
            raise UserError(f"model.padding must be valid or same, got {self.padding!r}")
        if self.widths is not None and len(self.widths) != self.blocks:
            raise UserError(
                f"model.widths names {len(self.widths)} blocks, but model.blocks is {self.blocks}"
            )
        if any(n < 1 for n in (*(self.widths or ()), *self.hidden)):
            raise UserError("model.widths and model.hidden must be 1 or more each")

    @property
    def filters(self) -> tuple[int, ...]:
        """Filters of each block."""
        if self.widths is not None:
            return self.widths
        return _PAPER_WIDTHS.get(self.blocks) or tuple(32 if i % 2 == 0 else 64 for i in range(self.blocks))

    def feature_shape(self, height: int, width: int) -> tuple[int, int, int]:
        """Channels, height and width after the last block, for images of the given size.

        Raises:
            UserError: a block would shrink the image to nothing; names the block.
        """
        size = (height, width)
        lost = self.kernel_size - 1 if self.padding == "valid" else 0
        for block in range(1, self.blocks + 1):
            shrunk = tuple((side - 2 * lost) // 2 for side in size)
            if min(shrunk) < 1:
                raise UserError(
                    f"model: block {block} of {self.blocks} would shrink its {size[0]} x {size[1]} input to "
                    f"nothing (images {height} x {width}, kernel {self.kernel_size}); "
                    "take fewer blocks, a smaller kernel, larger images or model.padding=same"
                )
            size = (shrunk[0], shrunk[1])
        return self.filters[-1], *size


class ConvNet(nn.Module):
    """Pose images to two logits, for bad and for good form.

    Weights are Glorot-uniform and biases zero, as Keras does by default; inputs are raw 0-255 values.
    """

    each_image_alone = True

    def __init__(self, options: ConvNetOptions, height: int, width: int) -> None:
        super().__init__()
        channels, rows, columns = options.feature_shape(height, width)
        self.gpu_has_bf16 = torch.cuda.is_available() and torch.cuda.is_bf16_supported(
            including_emulation=False
        )
        # Mostly the first block's: of each value what came out of both convolutions, of the pooling, where it
        # came from, and the gradients of all.
        self.bytes_per_image = (24 if self.gpu_has_bf16 else 48) * options.filters[0] * height * width
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
        """images (B, 3, H, W), uint8 or float 0-255 -> logits (B, 2) float32; through bf16 on a GPU."""
        bf16 = images.is_cuda and self.gpu_has_bf16
        # Without the cache: what it keeps of the weights would be stale in a CUDA graph.
        with torch.autocast(images.device.type, torch.bfloat16, enabled=bf16, cache_enabled=False):
            images = images.to(torch.bfloat16 if bf16 else torch.float32)  # 0-255 are exact in both
            return self.output(self.hidden(self.blocks(images))).float()

    def penalised(self) -> list[Tensor]:
        """The weights that the L2 term counts: of every convolution and hidden Dense layer.

        Biases and the last Dense layer are left out, as in the paper's implementation.
        """
        layers = [m for m in (*self.blocks, *self.hidden) if isinstance(m, nn.Conv2d | nn.Linear)]
        return [layer.weight for layer in layers]


def _blocks(options: ConvNetOptions) -> list[nn.Module]:
    layers: list[nn.Module] = []
    channels = 3
    for filters in options.filters:
        first, second = (
            nn.Conv2d(inputs, filters, options.kernel_size, padding=options.padding)
            for inputs in (channels, filters)
        )
        # Pooling first: the same numbers as the ReLU first, for a quarter of its work.
        layers += [first, nn.ReLU(inplace=True), second, nn.MaxPool2d(2), nn.ReLU(inplace=True)]
        layers.append(Dropout(options.dropout))
        channels = filters
    return layers
