"""A data source of one's own: landmarks that something else has found, as CSV."""

import csv
import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deepsquat.data.squats import Drops
from deepsquat.errors import UserError
from deepsquat.landmarks import LandmarkTable


@dataclass(frozen=True)
class CsvLandmarks:
    """One row a frame: squat, video, label, time, offset, aspect, x, y, z and visibility of 33 landmarks."""

    file: str

    def inputs(self) -> dict[str, str]:
        """All that decides what the table holds."""
        if not Path(self.file).is_file():
            raise UserError(f"data.file: there is no file {self.file}")
        return {"reader": "csv 1", "file": hashlib.sha256(Path(self.file).read_bytes()).hexdigest()}

    def landmark_table_and_drops(self) -> tuple[LandmarkTable, Drops]:
        """The table, and what was left out of it: nothing."""
        with Path(self.file).open(newline="", encoding="utf-8") as file:
            rows = list(csv.reader(file))[1:]
        squat, video, label, time, offset, aspect, *landmarks = zip(*rows, strict=True)
        n = len(rows)
        table = LandmarkTable(
            squat=np.array(squat),
            video=np.array(video),
            subject=np.full(n, ""),
            faults=np.full(n, ""),
            label=np.array(label, np.int8),
            frame=np.arange(n, dtype=np.int32),
            time=np.array(time, np.float64),
            offset=np.array(offset, np.float64),
            aspect=np.array(aspect, np.float32),
            landmarks=np.array(landmarks, np.float32).T.reshape(n, 33, 4),
        )
        return table, Drops({}, {})
