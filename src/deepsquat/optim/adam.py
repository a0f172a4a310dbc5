"""What Adam may be told; checked before any data is touched."""

from dataclasses import dataclass

from deepsquat.errors import UserError


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
