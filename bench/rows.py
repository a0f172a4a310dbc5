"""All rows, in the order of the table."""

from collections.abc import Sequence

from bench import commands, gpu, memory, metrics, pictures, pose, training, trials
from bench.row import Row
from deepsquat.errors import UserError

# A module of rows is added here. What it needs is imported inside its functions: `--help` reads none of it.
ROWS: tuple[Row, ...] = (
    *pictures.ROWS,
    *pose.ROWS,
    *training.ROWS,
    *gpu.ROWS,
    *metrics.ROWS,
    *trials.ROWS,
    *commands.ROWS,
    *memory.ROWS,
)


def chosen(names: Sequence[str] | None) -> tuple[Row, ...]:
    """The rows of these names, in the order of the table; all where it is None.

    Raises:
        UserError: there is no such row.
    """
    known = {row.name: row for row in ROWS}
    for name in names or ():
        if name not in known:
            raise UserError(f"rows: there is no row {name}; there are {', '.join(known)}")
    return tuple(row for row in ROWS if names is None or row.name in names)
