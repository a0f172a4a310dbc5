"""What a data source provides: squats and where their videos are, or their landmarks."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np

from deepsquat.errors import UserError
from deepsquat.landmarks import LandmarkTable


@dataclass(frozen=True)
class Squat:
    """One repetition in one video. Times are seconds from the video's first frame."""

    video: str  # path inside the labels' folder, with forward slashes
    index: int  # which squat of the video, from 0, in order of time
    start: float
    bottom: float  # the deepest position
    end: float
    label: int | None  # 1 good form, 0 bad form, None not judged
    subject: str | None = None
    faults: tuple[str, ...] = ()
    reference: bool = (
        False  # known to be good, and what this subject's others are compared with; never scored
    )

    @property
    def id(self) -> str:
        return f"{self.video}#{self.index}"


def rows_of(
    squat: Squat,
    frame: np.ndarray,
    time: np.ndarray,
    offset: np.ndarray,
    aspect: np.ndarray,
    landmarks: np.ndarray,
) -> LandmarkTable:
    """The rows of one squat's frames; the columns as LandmarkTable has them."""
    n = len(frame)
    return LandmarkTable(
        squat=np.full(n, squat.id),
        video=np.full(n, squat.video),
        subject=np.full(n, squat.subject or ""),
        faults=np.full(n, "+".join(squat.faults)),
        label=np.full(n, -1 if squat.label is None else squat.label, np.int8),
        frame=frame,
        time=time,
        offset=offset,
        aspect=aspect,
        landmarks=landmarks,
        reference=np.full(n, squat.reference, np.int8),
    )


@dataclass(frozen=True)
class FrameChoice:
    """Which frames of a squat become images: the bottom and `each_side` on either side of it."""

    each_side: int = 5  # 5: the paper's 11 images
    step: float = 1 / 30  # seconds between two of them

    def __post_init__(self) -> None:
        if self.each_side < 0:
            raise UserError(f"data.frames.each_side must be 0 or more, got {self.each_side}")
        if not 0 < self.step < 60:
            raise UserError(f"data.frames.step must be above 0 and below 60 seconds, got {self.step}")

    def times(self, squat: Squat) -> list[float]:
        """Wanted times in seconds, rising, inside the squat; the middle one is its bottom."""
        wanted = (squat.bottom + k * self.step for k in range(-self.each_side, self.each_side + 1))
        return [time for time in wanted if squat.start <= time <= squat.end]


@dataclass(frozen=True)
class LabelledVideos:
    """A folder of videos and the squats in them."""

    root: Path
    squats: tuple[Squat, ...]
    frames: FrameChoice


@dataclass(frozen=True)
class Drops:
    """What was left out of a landmark table, and why."""

    frames: dict[str, int]  # reason, or "squat: reason", and how many frames
    squats: dict[str, str]  # squats of which nothing is left, with the reason


@runtime_checkable
class VideoSource(Protocol):
    """Options of a data stage whose squats are in videos, for the pose stage to find the landmarks in."""

    def collect(self) -> LabelledVideos:
        """The videos and squats; rendered first where they are synthetic."""
        ...


@runtime_checkable
class FreshSource(Protocol):
    """A table source that can make up other squats of the same kind for every epoch."""

    fresh: bool  # whether it shall

    def anew(self, squats: int, epoch: int) -> LandmarkTable:
        """So many squats that are in no other epoch's table; the same ones for the same arguments."""
        ...


@runtime_checkable
class TableSource(Protocol):
    """Options of a data stage that knows the landmarks itself."""

    def inputs(self) -> dict[str, str]:
        """Everything that goes into the table, by name: options as text, files as sha256. Quick to ask."""
        ...

    def landmark_table_and_drops(self) -> tuple[LandmarkTable, Drops]:
        """The landmark table, and what is missing from it."""
        ...
