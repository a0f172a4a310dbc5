"""What the pose stage keeps: columns as Parquet, one row a frame, and objects as JSON.

All of it can be made again, and carries a checksum: damage is said in a line, and the file is made again.
"""

import json
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from deepsquat.errors import UserError
from deepsquat.files import add_checksum, read_checked, with_checksum, without_checksum, written_whole
from deepsquat.landmarks import NAMES

T = TypeVar("T")

_REMEDY = "it is made again"


def kept(path: Path, read: Callable[[Path], T]) -> T | None:
    """What `read` finds at `path`; None where there is nothing, or it is damaged, which is said in a line."""
    if not path.exists():
        return None
    try:
        return read(path)
    except UserError as error:
        print(error)
        return None


def write_columns(path: Path, columns: Any) -> None:
    """Write a dataclass of arrays of one length n, whole or not at all.

    Each is (n,) strings or numbers, (n, k) float32, or (n, 33, 4) float32.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    arrays = {}
    for field in fields(columns):
        values = getattr(columns, field.name)
        if values.ndim > 1:
            width = int(np.prod(values.shape[1:]))
            arrays[field.name] = pa.FixedSizeListArray.from_arrays(pa.array(values.reshape(-1)), width)
        elif values.dtype.kind in "UO":
            arrays[field.name] = pa.array(values.tolist(), pa.string())
        else:
            arrays[field.name] = pa.array(values)
    with written_whole(path) as temporary:
        pq.write_table(pa.table(arrays), temporary, compression="zstd")
        add_checksum(temporary)


def read_columns(kind: Callable[..., T], path: Path) -> T:
    """What `write_columns` wrote, NaN included. kind: the dataclass.

    Raises:
        UserError: the file is not there, damaged, or has other columns.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    content = read_checked(path, _REMEDY)
    columns: dict[str, np.ndarray] = {}
    try:
        # read_table would import pyarrow's datasets, which takes longer
        table = pq.ParquetFile(pa.BufferReader(content)).read()
        for name in table.column_names:
            column = table.column(name).combine_chunks()
            if pa.types.is_string(column.type):
                columns[name] = np.array(column.to_pylist(), dtype=str)
                continue
            wide = pa.types.is_fixed_size_list(column.type)
            # to_numpy would do as well, but imports pandas where there is one. Copied, to be writable.
            values = np.array(np.from_dlpack(column.flatten() if wide else column))
            if wide:
                points = name == "landmarks"
                values = values.reshape((-1, len(NAMES), 4) if points else (-1, column.type.list_size))
            columns[name] = values
        return kind(**columns)
    except (pa.ArrowException, OSError, TypeError, ValueError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise UserError(f"{path}: cannot be read ({reason}); {_REMEDY}") from None


def write_json(path: Path, values: dict[str, Any]) -> None:
    """Write an object, whole or not at all."""
    with written_whole(path) as temporary:
        temporary.write_text(json.dumps(with_checksum(values), indent=1) + "\n", encoding="utf-8")


def read_json(path: Path) -> dict[str, Any]:
    """The object that `write_json` wrote.

    Raises:
        UserError: the file is damaged, was edited, or is an earlier version's, without a checksum.
    """
    try:
        found = json.loads(path.read_bytes())
        if isinstance(found, dict) and "sha256" in found:
            return without_checksum(found)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); {_REMEDY}") from error
    except (ValueError, RecursionError):
        pass
    raise UserError(f"{path}: is damaged, was edited, or is an earlier version's; {_REMEDY}")
