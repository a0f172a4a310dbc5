"""Images prepared elsewhere, in one file."""

from dataclasses import dataclass

from deepsquat.errors import UserError


@dataclass(frozen=True)
class ArrayFile:
    """A file that src/prepare.py export=FILE has written."""

    file: str | None = None

    def __post_init__(self) -> None:
        if self.file is None:
            raise UserError("data.file: say which file of prepared images, e.g. data.file=squats.npz")
