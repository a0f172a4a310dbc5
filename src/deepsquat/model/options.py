"""What the network and its training may be told; checked before any data is touched and without torch."""

from dataclasses import dataclass

from deepsquat.errors import UserError

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


@dataclass(frozen=True)
class AdamOptions:
    """Adam, and what it minimises: cross-entropy plus l2 times the sum of squared weights."""

    lr: float = 1e-5
    l2: float = 1e-6
    batch_size: int = 500

    def __post_init__(self) -> None:
        if not self.lr > 0:
            raise UserError(f"optim.lr must be above 0, got {self.lr}")
        if not self.l2 >= 0:
            raise UserError(f"optim.l2 must not be negative, got {self.l2}")
        if self.batch_size < 1:
            raise UserError(f"optim.batch_size must be 1 or more, got {self.batch_size}")
