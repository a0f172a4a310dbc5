"""All that is known of one video, for whatever is written of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np

from deepsquat.champion import Champion
from deepsquat.predict.advice import why_none
from deepsquat.predict.judging import Verdict, judged
from deepsquat.predict.limbs import without
from deepsquat.predict.movement import angles, at_bottom, tempo
from deepsquat.predict.options import Options
from deepsquat.predict.poses import Estimated, Poses, Reader
from deepsquat.predict.terms import in_centimetres
from deepsquat.repetitions import hip_height

Curve = tuple[np.ndarray, np.ndarray]  # times in seconds, values


@dataclass(frozen=True)
class Reference:
    """A squat of this person that is known to be good."""

    video: Path
    poses: Poses
    bottom: float
    measures: Mapping[str, float]  # as a verdict of this video has them


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
    reference: Reference | None = None  # beside which it is judged
    none_found: str = ""  # why no squat may have been found, where none was

    @property
    def persons(self) -> int:
        return int(self.poses.persons[0]) if len(self.poses.persons) else 0

    @property
    def seen(self) -> float:
        """In what share of the pictures that were looked at a body was followed."""
        return self.poses.seen

    @property
    def whole(self) -> list[tuple[int, Verdict]]:
        """The squats that are not cut off, with their numbers from 1 on."""
        counted = [verdict for verdict in self.verdicts if not verdict.partial]
        return list(enumerate(counted, 1))


def of(
    video: Path,
    found: Estimated,
    reader: Reader,
    champion: Champion,
    margin: float,
    options: Options,
    reference: Reference | None = None,
) -> Result:
    """margin: as in `judging.judged`."""
    poses = found.poses
    series = angles(poses)
    heights = _heights(poses, options)
    said = judged(poses, champion, reader.pose, margin, options.slowed)
    verdicts = _measured(said, poses, series, heights, options)
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
        reference,
        "" if verdicts else why_none(poses, options.slowed),
    )


def nearest(video: Path, bottom: float, reader: Reader, champion: Champion, options: Options) -> Reference:
    """The squat of a video whose bottom is nearest to a time in seconds."""
    poses = reader.poses(video).poses
    said = judged(poses, champion, reader.pose, 0.0, options.slowed)
    found = [one for one in said if one.bottom is not None]
    one = min(found, key=lambda one: abs(cast(float, one.bottom) - bottom))
    measures = _measured([one], poses, angles(poses), _heights(poses, options), options)[0].measures
    return Reference(video, poses, cast(float, one.bottom), measures)


def _heights(poses: Poses, options: Options) -> list[Curve]:
    if not len(poses.time):
        return []
    return hip_height(poses.time, poses.landmarks, float(poses.aspect[0]), options.slowed)


def _measured(
    found: Sequence[Verdict],
    poses: Poses,
    series: Mapping[str, np.ndarray],
    heights: Sequence[Curve],
    options: Options,
) -> list[Verdict]:
    """The verdicts with angles and tempo among their measures."""
    verdicts = []
    for verdict in found:
        measures = dict(verdict.measures)
        if verdict.start is not None and verdict.bottom is not None and verdict.end is not None:
            measures |= in_centimetres(measures, options.height) if options.height else {}
            measures = {**measures, **at_bottom(poses, series, verdict.bottom), **verdict.measures}
            measures |= tempo(verdict.start, verdict.bottom, verdict.end, heights, options.slowed)
        verdicts.append(replace(verdict, measures=measures))
    return verdicts
