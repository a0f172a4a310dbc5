"""Landmarks on disk: Parquet, one row a frame, the 33 x 4 numbers of a row in one column."""

from dataclasses import fields
from pathlib import Path

import numpy as np

from deepsquat.errors import UserError
from deepsquat.files import written_whole
from deepsquat.landmarks import NAMES, LandmarkTable

_WIDTH = len(NAMES) * 4


def write_columns(path: Path, columns: dict[str, np.ndarray]) -> None:
    """Write arrays of one length n, whole or not at all: (n,) strings or numbers, or (n, 33, 4) float32."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    arrays = {}
    for name, values in columns.items():
        if values.ndim == 3:
            arrays[name] = pa.FixedSizeListArray.from_arrays(pa.array(values.reshape(-1)), _WIDTH)
        elif values.dtype.kind in "UO":
            arrays[name] = pa.array(values.tolist(), pa.string())
        else:
            arrays[name] = pa.array(values)
    with written_whole(path) as temporary:
        pq.write_table(pa.table(arrays), temporary, compression="zstd")


def read_columns(path: Path) -> dict[str, np.ndarray]:
    """What `write_columns` wrote, NaN included.

    Raises:
        UserError: the file is not there, or damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns: dict[str, np.ndarray] = {}
    try:
        table = pq.ParquetFile(path).read()  # read_table would import pyarrow's datasets, which takes longer
        for name in table.column_names:
            column = table.column(name).combine_chunks()
            if pa.types.is_string(column.type):
                columns[name] = np.array(column.to_pylist(), dtype=str)
                continue
            wide = pa.types.is_fixed_size_list(column.type)
            # to_numpy would do as well, but imports pandas where there is one. Copied, to be writable.
            values = np.array(np.from_dlpack(column.flatten() if wide else column))
            columns[name] = values.reshape(-1, len(NAMES), 4) if wide else values
    except (pa.ArrowException, OSError, TypeError, ValueError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise UserError(
            f"{path}: cannot be read ({reason}); delete it and start again to have it made anew"
        ) from None
    return columns


def write_table(path: Path, table: LandmarkTable) -> None:
    """Write the landmark table to a Parquet file, whole or not at all."""
    write_columns(path, {field.name: getattr(table, field.name) for field in fields(table)})


def read_table(path: Path) -> LandmarkTable:
    """The landmark table that `write_table` wrote.

    Raises:
        UserError: the file is not there, damaged, or no landmark table.
    """
    columns = read_columns(path)
    names = [field.name for field in fields(LandmarkTable)]
    if missing := [name for name in names if name not in columns]:
        raise UserError(
            f"{path}: no landmark table, since it lacks {', '.join(missing)}; delete it and start again"
        )
    return LandmarkTable(**{name: columns[name] for name in names})
