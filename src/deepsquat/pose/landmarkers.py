"""MediaPipe's PoseLandmarker in the two ways that this stage needs it: anew, and following."""

from pathlib import Path
from types import TracebackType
from typing import Any, Self
from weakref import WeakSet

import numpy as np

from deepsquat.errors import UserError

MOST = 4  # people looked for in one picture; each that is found takes as long again


class Landmarkers:
    """Finds people anew in single pictures, and makes trackers that follow one of them.

    What is found anew depends on that picture alone; what a tracker says, on the pictures that it was given.
    """

    def __init__(self, bundle: Path) -> None:
        """bundle: a .task file.

        Raises:
            UserError: MediaPipe cannot be loaded, or cannot load the bundle.
        """
        self._bundle = bundle
        self._trackers: WeakSet[Tracker] = WeakSet()
        self._anew = _landmarker(bundle, "IMAGE", MOST)

    def find(self, picture: np.ndarray) -> list[np.ndarray]:
        """Landmarks (33, 4) float32 of every body in an upright RGB picture (H, W, 3) uint8."""
        return _poses(self._anew.detect(_image(picture)))

    def tracker(self) -> "Tracker":
        """A tracker that has seen nothing yet; loading it takes as long as four or five of its poses."""
        tracker = Tracker(_landmarker(self._bundle, "VIDEO", 1))
        self._trackers.add(tracker)
        return tracker

    def close(self) -> None:
        """Closes what an error has left open too.

        Else whichever thread collects the garbage would, and where that is not one of MediaPipe's callers but
        Dask's loop, it waits for ever.
        """
        for tracker in list(self._trackers):
            tracker.close()
        self._anew.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Tracker:
    """Follows one body: looks for it where it was in the picture before, and smooths what it finds.

    MediaPipe takes no hint of whom to follow. It takes the plainest body of the first picture, so that one
    should show no other; and where it has lost a body, the plainest of the next.
    """

    def __init__(self, landmarker: Any) -> None:
        self._landmarker = landmarker
        self._first: float | None = None
        self._stamp = -1  # milliseconds; has to rise

    def __call__(self, picture: np.ndarray, time: float) -> np.ndarray | None:
        """Landmarks (33, 4) float32 of the body in an upright RGB picture (H, W, 3) uint8, None where lost.

        time: seconds; the further from the first picture's, the later. So backwards will do as well.
        """
        self._first = time if self._first is None else self._first
        self._stamp = max(self._stamp + 1, round(abs(time - self._first) * 1000))
        poses = _poses(self._landmarker.detect_for_video(_image(picture), self._stamp))
        return poses[0] if poses else None

    def close(self) -> None:
        self._landmarker.close()


def _landmarker(bundle: Path, mode: str, most: int) -> Any:
    try:
        from mediapipe.tasks.python import BaseOptions, vision
    except ImportError as error:
        raise _cannot_load(error) from None
    options = vision.PoseLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=str(bundle), delegate=BaseOptions.Delegate.CPU),
        running_mode=vision.RunningMode[mode],
        num_poses=most,
    )
    try:
        return vision.PoseLandmarker.create_from_options(options)
    except (RuntimeError, ValueError, OSError) as error:
        if type(error) is OSError:  # ctypes' own; for a file it would be a subclass
            raise _cannot_load(error) from None
        reason = str(error).splitlines()[0]
        raise UserError(f"{bundle}: MediaPipe cannot load this pose bundle ({reason}); use another") from None


def _cannot_load(error: Exception) -> UserError:
    return UserError(
        f"MediaPipe cannot be loaded ({error}); `python src/check.py` says what the system lacks"
    )


def _image(picture: np.ndarray) -> Any:
    from mediapipe import Image, ImageFormat

    # MediaPipe ignores strides: rows with padding would be read askew, and nobody found.
    return Image(image_format=ImageFormat.SRGB, data=np.ascontiguousarray(picture))


def _poses(result: Any) -> list[np.ndarray]:
    return [
        np.array([(p.x, p.y, p.z, p.visibility) for p in pose], np.float32) for pose in result.pose_landmarks
    ]
