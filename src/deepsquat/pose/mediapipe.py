"""MediaPipe's PoseLandmarker: options, and one frame to its 33 landmarks."""

from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from deepsquat.errors import UserError
from deepsquat.files import expanded
from deepsquat.landmarks import BODY, INDEX

_ANKLES = [INDEX["left_ankle"], INDEX["right_ankle"]]
_SHOULDERS = [INDEX["left_shoulder"], INDEX["right_shoulder"]]


@dataclass(frozen=True)
class MediaPipePose:
    """Options of the pose stage; conf/pose/mediapipe.yaml gives the reasons."""

    bundle: str | None = None  # path of one's own .task file
    min_visibility: float = 0.2
    min_frames: int = 2
    workers: int | None = None  # None: one for each core

    def __post_init__(self) -> None:
        if self.own is not None and not self.own.is_file():
            raise UserError(f"pose.bundle={self.own}: there is no such file; give the path of a .task file")
        if not 0 <= self.min_visibility <= 1:
            raise UserError(f"pose.min_visibility must be from 0 to 1, got {self.min_visibility}")
        if self.min_frames < 1:
            raise UserError(f"pose.min_frames must be at least 1, got {self.min_frames}")
        if self.workers is not None and self.workers < 1:
            raise UserError(f"pose.workers must be at least 1, or null for all cores, got {self.workers}")

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


class PoseEstimator:
    """A loaded PoseLandmarker. A frame's landmarks depend on that frame alone, not on those before it."""

    def __init__(self, bundle: Path) -> None:
        try:
            from mediapipe.tasks.python import BaseOptions, vision
        except ImportError as error:
            raise _cannot_load(error) from None
        options = vision.PoseLandmarkerOptions(
            base_options=BaseOptions(model_asset_path=str(bundle), delegate=BaseOptions.Delegate.CPU),
            running_mode=vision.RunningMode.IMAGE,  # no tracking, so neither order nor gaps matter
            # A second one costs time only in frames where two are found, see `upright`.
            num_poses=2,
        )
        try:
            self._landmarker: Any = vision.PoseLandmarker.create_from_options(options)
        except (RuntimeError, ValueError, OSError) as error:
            if type(error) is OSError:  # ctypes' own; for a file it would be a subclass
                raise _cannot_load(error) from None
            reason = str(error).splitlines()[0]
            raise UserError(
                f"{bundle}: MediaPipe cannot load this pose bundle ({reason}); use another"
            ) from None

    def __call__(self, frame: np.ndarray) -> np.ndarray | None:
        """Landmarks (33, 4) float32 of the person in an upright RGB frame (H, W, 3) uint8, or None."""
        from mediapipe import Image, ImageFormat

        # MediaPipe ignores strides: rows with padding would be read askew, and nobody found.
        image = Image(image_format=ImageFormat.SRGB, data=np.ascontiguousarray(frame))
        poses = self._landmarker.detect(image).pose_landmarks
        return upright(
            [np.array([(p.x, p.y, p.z, p.visibility) for p in pose], np.float32) for pose in poses]
        )

    def close(self) -> None:
        self._landmarker.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _cannot_load(error: Exception) -> UserError:
    return UserError(
        f"MediaPipe cannot be loaded ({error}); `python src/check.py` says what the system lacks"
    )


def upright(poses: list[np.ndarray]) -> np.ndarray | None:
    """Of several (33, 4) poses the tallest from ankles to shoulders; None if none stands on its feet.

    Someone behind or in a mirror is smaller than the one filmed. In dim pictures MediaPipe also finds the
    same body lying on its side; that pose is lower, or upside down.
    """
    height, best = max(
        ((float(pose[_ANKLES, 1].mean() - pose[_SHOULDERS, 1].mean()), i) for i, pose in enumerate(poses)),
        default=(0.0, 0),
    )
    return poses[best] if height > 0 else None
