"""The 33 landmarks of MediaPipe's pose, and the table of them that every later stage starts from."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Self

import numpy as np

NAMES = (
    "nose",
    "left_eye_inner",
    "left_eye",
    "left_eye_outer",
    "right_eye_inner",
    "right_eye",
    "right_eye_outer",
    "left_ear",
    "right_ear",
    "mouth_left",
    "mouth_right",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
    "left_pinky",
    "right_pinky",
    "left_index",
    "right_index",
    "left_thumb",
    "right_thumb",
    "left_hip",
    "right_hip",
    "left_knee",
    "right_knee",
    "left_ankle",
    "right_ankle",
    "left_heel",
    "right_heel",
    "left_foot_index",
    "right_foot_index",
)
INDEX = {name: i for i, name in enumerate(NAMES)}

# A squat cannot be judged where any of these is out of the picture.
BODY = tuple(
    INDEX[f"{side}_{joint}"] for side in ("left", "right") for joint in ("shoulder", "hip", "knee", "ankle")
)


MEASURES = 8  # of a body and its camera in one frame; deepsquat.measures names them


def unknown_measures(n: int) -> np.ndarray:
    """(n, MEASURES) float32 NaN: of real people nobody knows them."""
    return np.full((n, MEASURES), np.nan, np.float32)


@dataclass(frozen=True)
class LandmarkTable:
    """One row a frame; all arrays have the same length n.

    landmarks is (n, 33, 4) float32: x and y as fractions of the upright frame's width and height, z in the
    scale of x, visibility 0-1. aspect is the frame's width over its height. label is 1 good, 0 bad, -1 none.
    time and offset are seconds, offset counted from the squat's bottom frame. measures are true of the body,
    as `deepsquat.measures.Measures.stacked` has them; left out, they are unknown: NaN. reference is 1 where
    the squat is one of its subject's that is known to be good; left out, as in earlier tables, none is.
    """

    squat: np.ndarray  # (n,) str: "video#index"
    video: np.ndarray  # (n,) str
    subject: np.ndarray  # (n,) str, "" where unknown
    faults: np.ndarray  # (n,) str, names joined by "+"
    label: np.ndarray  # (n,) int8
    frame: np.ndarray  # (n,) int32
    time: np.ndarray  # (n,) float64
    offset: np.ndarray  # (n,) float64
    aspect: np.ndarray  # (n,) float32
    landmarks: np.ndarray  # (n, 33, 4) float32
    measures: np.ndarray = None  # type: ignore[assignment]  # (n, MEASURES) float32
    reference: np.ndarray = None  # type: ignore[assignment]  # (n,) int8

    def __post_init__(self) -> None:
        if self.measures is None:
            object.__setattr__(self, "measures", unknown_measures(len(self.squat)))
        if self.reference is None:
            object.__setattr__(self, "reference", np.zeros(len(self.squat), np.int8))
        lengths = {field.name: len(getattr(self, field.name)) for field in fields(self)}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"columns of unequal length: {lengths}")

    def __len__(self) -> int:
        return len(self.squat)

    def rows(self, chosen: np.ndarray) -> Self:
        """The rows that a mask or an index array chooses."""
        return type(self)(**{field.name: getattr(self, field.name)[chosen] for field in fields(self)})

    @classmethod
    def joined(cls, tables: Sequence[Self]) -> Self:
        """The rows of all tables, in their order."""
        return cls(
            **{
                field.name: np.concatenate([getattr(table, field.name) for table in tables])
                for field in fields(cls)
            }
        )
