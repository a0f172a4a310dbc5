"""Several sources as one, each under a name of its own that its squats, videos and subjects carry."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from deepsquat.data.arrays import ArrayFile
from deepsquat.errors import UserError
from deepsquat.landmarks import LandmarkTable


@dataclass(frozen=True)
class Joined:
    """of: names and sources, in their order. No name is that of two, or has a slash in it.

    Raises:
        UserError: there is no source, or a name that cannot be.
    """

    of: tuple[tuple[str, Any], ...]

    def __post_init__(self) -> None:
        names = [name for name, _ in self.of]
        if not names:
            raise UserError("data.of: name two sources or more, as in data.of=[ui_prmd,synthetic]")
        if any(isinstance(source, ArrayFile) for _, source in self.of):
            raise UserError("data.of: arrays are images already; join what they were prepared from")
        if fresh := [name for name, source in self.of if getattr(source, "fresh", False)]:
            raise UserError(
                f"data.of: {fresh[0]} is to be drawn anew in every epoch (fresh: true), which a source among "
                "others cannot be; leave that out, or train on it alone"
            )
        for name in names:
            if names.count(name) > 1 or not name or "/" in name:
                raise UserError(
                    f"data.of: {name!r} cannot be the name of a source: each has one of its own, without a "
                    "slash; give others as in data.of={NAME: {option: synthetic, seed: 1}, ...}"
                )


def named(table: LandmarkTable, name: str) -> LandmarkTable:
    """The table of the source `name`: NAME/squat, NAME/video, NAME/subject where one is known."""

    def under(column: np.ndarray) -> np.ndarray:
        return np.array([f"{name}/{value}" for value in column.tolist()], dtype=str)

    subject = np.where(table.subject == "", "", under(table.subject))
    return replace(table, squat=under(table.squat), video=under(table.video), subject=subject)
