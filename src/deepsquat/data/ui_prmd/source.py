"""UI-PRMD: real deep squats, recorded as marker positions, seen through a virtual camera."""

import hashlib
import math
import zlib
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from deepsquat.data.camera import Camera, around
from deepsquat.data.joints.estimator import estimated
from deepsquat.data.squats import Drops, FrameChoice, Squat, rows_of
from deepsquat.data.ui_prmd.files import RATE, Recording, read_markers, recordings_under
from deepsquat.data.ui_prmd.markers import FEET, PELVIS, body_points, hip_midpoint
from deepsquat.errors import UserError
from deepsquat.landmarks import LandmarkTable
from deepsquat.measures import measured

VERSION = "2"  # of this reader, the markers' mapping and the camera: raise it when any row changes

PICTURE = (1080, 1920)  # pixels, width and height: a phone held upright
AIM_M = 1.15  # metres above the floor: the middle of a tall person with raised arms, who reaches 2.3 m
# Metres seen from bottom to top at the subject. A tall person would fit into 2.6 of them, but then hands
# that are spread wide at the bottom of the squat would be cut off at the sides.
FIELD_M = 3.2
_OWN_AXES = [1, 2, 0]  # of the room's forward, left, up: the body's left, up, forward


@dataclass(frozen=True)
class UiPrmd:
    """Movement m01, deep squat: up to 10 subjects with 10 correct and 10 incorrect squats each.

    root is the official download: the folder that holds "Segmented Movements" and "Incorrect Segmented
    Movements", one above or below it, or a zip of them. The camera stands on a circle around the subject: yaw
    0 is straight in front, 90 the subject's left side.

    Raises:
        UserError: a value is out of range.
    """

    root: str | None = None
    yaw: Any = 30.0  # degrees; or several, as [0, 90]: each squat is then seen by as many cameras
    height: float = 1.2  # metres
    distance: float = 3.0  # metres
    noise: float = 0.0  # times the errors of a pose estimator; 0: true joints
    frames: FrameChoice = field(default_factory=FrameChoice)

    def __post_init__(self) -> None:
        several = isinstance(self.yaw, list | tuple)
        if several:
            object.__setattr__(self, "yaw", tuple(self.yaw))
        if several and (not self.yaw or len(set(self.yaw)) < len(self.yaw)):
            raise UserError(f"data.yaw must be a number, or several, each once, got {list(self.yaw)}")
        checked: list[tuple[str, Any, float, float]] = [("yaw", yaw, -180, 180) for yaw in self.yaws]
        checked += [
            ("height", self.height, 0.1, 3),
            ("distance", self.distance, 1.5, 50),
            ("noise", self.noise, 0, 10),
        ]
        for name, value, least, most in checked:
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not number or not least <= value <= most:
                raise UserError(f"data.{name} must be a number from {least} to {most}, got {value}")

    @property
    def yaws(self) -> tuple[Any, ...]:
        """The cameras."""
        return self.yaw if isinstance(self.yaw, tuple) else (self.yaw,)

    def inputs(self) -> dict[str, str]:
        """Everything that goes into the table: options as text, files as sha256.

        Raises:
            UserError: the data set is not there.
        """
        found = {
            "reader": f"ui_prmd {VERSION}",
            "yaw": " ".join(str(float(yaw)) for yaw in self.yaws),
            "height": str(float(self.height)),
            "distance": str(float(self.distance)),
            "noise": str(float(self.noise)),
            "frames.each_side": str(self.frames.each_side),
            "frames.step": str(self.frames.step),
        }
        with recordings_under(self.root) as recordings:
            return found | {recording.name: _sha256(recording) for recording in recordings}

    def landmark_table_and_drops(self) -> tuple[LandmarkTable, Drops]:
        """The landmark table, and what is missing from it: frames, and recordings that cannot be read.

        Raises:
            UserError: the data set is not there, or no recording of it can be used.
        """
        from tqdm import tqdm

        tables: list[LandmarkTable] = []
        drops = Drops({}, {})
        with recordings_under(self.root) as recordings:
            for recording in tqdm(recordings, desc="UI-PRMD", unit="squat", delay=2, leave=False):
                try:
                    table, reasons = self._squat(recording, read_markers(recording))
                except UserError as error:
                    drops.squats[recording.squat] = str(error)
                    continue
                tables.append(table)
                drops.frames.update(
                    {f"{recording.squat}: {why}": frames for why, frames in reasons.items() if frames}
                )
                if not len(table):
                    drops.squats[recording.squat] = "no frame of it has all markers"
        if not any(map(len, tables)):
            name, why = next(iter(drops.squats.items()))
            raise UserError(
                f"{self.root}: none of the {len(recordings)} recordings can be used; "
                f"the first, {name}: {why}; download the data set again"
            )
        return LandmarkTable.joined(tables), drops

    def _squat(self, recording: Recording, markers: np.ndarray) -> tuple[LandmarkTable, dict[str, int]]:
        """One squat's rows from its markers, (n, 39, 3) metres; how many frames it lacks, by reason."""
        pelvis = markers[:, PELVIS, 2].mean(axis=1)
        feet = markers[:, FEET].mean(axis=1)
        bottom = int(np.argmin(np.where(np.isnan(pelvis), np.inf, pelvis)))
        squat = Squat(
            video=recording.video,
            index=recording.repetition,
            start=0.0,
            bottom=bottom / RATE,
            end=(len(markers) - 1) / RATE,
            label=recording.label,
            subject=recording.subject,
        )
        times = np.array(self.frames.times(squat))
        points = body_points(_at(markers, times))
        standing = feet[np.isfinite(feet).all(axis=1)]
        place = np.median(standing, axis=0) if len(standing) else feet[0]
        tables, dropped = [], {"not recorded": 0, "a marker is lost": 0}
        for yaw in self.yaws:
            table, lost = self._seen(squat, times, points, self._camera(place, yaw), yaw)
            if len(self.yaws) > 1:  # another squat of the same video: a view is not an image among others
                table = replace(table, squat=np.array([f"{name}@{yaw:g}" for name in table.squat], dtype=str))
            tables.append(table)
            dropped["not recorded"] += 2 * self.frames.each_side + 1 - len(times)
            dropped["a marker is lost"] += lost
        return LandmarkTable.joined(tables), dropped

    def _seen(
        self, squat: Squat, times: np.ndarray, points: np.ndarray, camera: Camera, yaw: float
    ) -> tuple[LandmarkTable, int]:
        """One camera's rows, from points (t, 33, 3); how many frames lack a marker."""
        landmarks = camera.landmarks(points, hip_midpoint(points))
        whole = np.isfinite(landmarks).all(axis=(1, 2))
        times, landmarks, points = times[whole], landmarks[whole], points[whole]
        table = rows_of(
            squat,
            frame=np.rint(times * RATE).astype(np.int32),
            time=times,
            offset=times - squat.bottom,
            aspect=np.full(len(times), camera.width / camera.height, np.float32),
            landmarks=landmarks.astype(np.float32),
        )
        if self.noise and len(table):
            rng = np.random.default_rng(zlib.crc32(f"{squat.id}@{float(yaw)}".encode()))
            noisy = estimated(rng, table.landmarks.astype(float), float(table.aspect[0]), self.noise)
            table = replace(table, landmarks=noisy.astype(np.float32))
        measures = measured(points[..., _OWN_AXES], yaw).stacked().astype(np.float32)
        return replace(table, measures=measures), int((~whole).sum())

    def _camera(self, feet: np.ndarray, yaw: float) -> Camera:
        """On a circle around the feet, (3,) metres.

        The focal length follows from the distance so that FIELD_M fills the picture's height: the subject's
        size in the picture stays, and distance changes the perspective only.
        """
        width, height = PICTURE
        aim = (float(feet[0]), float(feet[1]), AIM_M)
        position = around(aim, math.radians(yaw), self.distance, self.height)
        return Camera(position, aim, math.dist(position, aim) / FIELD_M * height, width, height)


def _sha256(recording: Recording) -> str:
    try:
        return hashlib.sha256(recording.read()).hexdigest()
    except UserError:  # it is dropped; once it can be read, the table is another
        return "cannot be read"


def _at(markers: np.ndarray, times: np.ndarray) -> np.ndarray:
    """The markers at `times` in seconds, linear between two samples: (n, 39, 3) to (t, 39, 3)."""
    position = (times * RATE).round(6)
    before = position.astype(int)
    after = np.minimum(before + 1, len(markers) - 1)
    weight = (position - before)[:, None, None]
    # Chosen, not weighted by 0: a lost neighbour is NaN and must not spoil a sample that is there.
    return np.where(weight == 0, markers[before], (1 - weight) * markers[before] + weight * markers[after])
