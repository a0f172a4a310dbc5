"""All that is known of one video, for whatever is written of it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from deepsquat.champion import Champion
from deepsquat.predict.judging import Verdict, judged
from deepsquat.predict.limbs import without
from deepsquat.predict.movement import angles, at_bottom, tempo
from deepsquat.predict.poses import Estimated, Poses, Reader
from deepsquat.predict.terms import in_centimetres
from deepsquat.repetitions import hip_height

Curve = tuple[np.ndarray, np.ndarray]  # times in seconds, values


@dataclass(frozen=True)
class Result:
    """The squats of one video; `verdicts` and `without_limbs` are of one length."""

    video: Path
    sha256: str
    poses_key: str  # by what the poses were made of
    poses: Poses
    champion: Champion
    verdicts: tuple[Verdict, ...]  # their measures with tempo and angles
    without_limbs: tuple[Mapping[str, float], ...]  # as `limbs.without` gives them
    heights: tuple[Curve, ...]  # of the hips, as `repetitions.hip_height` gives them
    angles: Mapping[str, np.ndarray]  # as `movement.angles` gives them

    @property
    def persons(self) -> int:
        return int(self.poses.persons[0]) if len(self.poses.persons) else 0

    @property
    def seen(self) -> float:
        """In what share of the pictures that were looked at a body was followed."""
        known = ~np.isnan(self.poses.landmarks[:, 0, 0])
        return round(float(known.mean()), 2) if len(known) else 0.0

    @property
    def whole(self) -> list[tuple[int, Verdict]]:
        """The squats that are not cut off, with their numbers from 1 on."""
        counted = [verdict for verdict in self.verdicts if not verdict.partial]
        return list(enumerate(counted, 1))


def of(
    video: Path, found: Estimated, reader: Reader, champion: Champion, margin: float, height: float | None
) -> Result:
    """height: of the lifter in centimetres, where it is known."""
    poses = found.poses
    series = angles(poses)
    heights = hip_height(poses.time, poses.landmarks, float(poses.aspect[0])) if len(poses.time) else []
    verdicts = []
    for verdict in judged(poses, champion, reader.pose, margin):
        measures = dict(verdict.measures)
        if verdict.start is not None and verdict.bottom is not None and verdict.end is not None:
            measures |= in_centimetres(measures, height) if height else {}
            measures = {**measures, **at_bottom(poses, series, verdict.bottom), **verdict.measures}
            measures |= tempo(verdict.start, verdict.bottom, verdict.end, heights)
        verdicts.append(replace(verdict, measures=measures))
    return Result(
        video,
        found.sha256,
        found.key,
        poses,
        champion,
        tuple(verdicts),
        tuple(
            {} if one.bottom is None or one.p_good is None else without(one.bottom, poses, champion)
            for one in verdicts
        ),
        tuple(heights),
        series,
    )
