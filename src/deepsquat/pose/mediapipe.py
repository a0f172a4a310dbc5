"""Options of the pose stage, and what counts as a whole body."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deepsquat.errors import UserError
from deepsquat.files import expanded
from deepsquat.landmarks import BODY


@dataclass(frozen=True)
class MediaPipePose:
    """Options of the pose stage; conf/pose/mediapipe.yaml gives the reasons."""

    bundle: str | None = None  # path of one's own .task file
    min_visibility: float = 0.2
    min_frames: int = 2
    workers: int | None = None  # None: one for each core
    scheduler: str | None = None  # address of a Dask cluster's, whose workers take the videos

    def __post_init__(self) -> None:
        if self.own is not None and not self.own.is_file():
            raise UserError(f"pose.bundle={self.own}: there is no such file; give the path of a .task file")
        if not 0 <= self.min_visibility <= 1:
            raise UserError(f"pose.min_visibility must be from 0 to 1, got {self.min_visibility}")
        if self.min_frames < 1:
            raise UserError(f"pose.min_frames must be at least 1, got {self.min_frames}")
        if self.workers is not None and self.workers < 1:
            raise UserError(f"pose.workers must be at least 1, or null for all cores, got {self.workers}")
        if self.scheduler is None:
            return
        if re.fullmatch(r"(tcp|tls)://\S+:\d+", str(self.scheduler)) is None:
            raise UserError(
                f"pose.scheduler={self.scheduler}: give a Dask scheduler's address as tcp://HOST:PORT or "
                "tls://HOST:PORT"
            )
        if self.workers is not None:
            raise UserError(
                f"pose.workers={self.workers} shares the videos among processes of this machine, "
                "pose.scheduler among those of a cluster; leave one out"
            )

    @property
    def own(self) -> Path | None:
        """The path of one's own bundle, where there is one."""
        return None if self.bundle is None else expanded(self.bundle, "pose.bundle")

    def whole(self, landmarks: np.ndarray) -> np.ndarray:
        """Which of (n, 33, 4) landmarks show a whole body: (n,) bool; False where they are NaN.

        A landmark is seen when it lies inside the picture and is visible enough. Of each of shoulder, hip,
        knee and ankle one side has to be seen: from the side the near leg hides the far one, and MediaPipe
        then rightly gives the far one a low visibility though the picture shows all there is to see.
        """
        body = landmarks[:, BODY]  # (n, 8, 4): four joints of the left side, then of the right
        inside = ((body[..., :2] >= 0) & (body[..., :2] <= 1)).all(axis=-1)
        seen = inside & (body[..., 3] >= self.min_visibility)
        left, right = seen[:, : len(BODY) // 2], seen[:, len(BODY) // 2 :]
        return np.asarray((left | right).all(axis=-1))
