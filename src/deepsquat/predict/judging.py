"""From poses and repetitions to verdicts, with their reasons in plain words."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType

import numpy as np
import torch

from deepsquat.champion import Champion
from deepsquat.data.squats import Squat, rows_of
from deepsquat.landmarks import BODY
from deepsquat.measures import FAULTS, Measures
from deepsquat.pose.mediapipe import MediaPipePose
from deepsquat.predict.poses import Poses
from deepsquat.repetitions import Repetition, find
from deepsquat.skeleton import draw, pixels
from deepsquat.trainer.form import Form

NEAR = 0.15  # seconds from the bottom to a pose that shows it: there a squat is nearly still
SMALL = 0.2  # of the picture's height: a body that is lower, head to feet, is seen too small
LOST = 0.4  # of the poses of a squat that may be missing
# What a lifter is told of a fault.
SENTENCES = {
    "too_shallow": "the hips stay too high: they do not come down to the height of the knees",
    "leaning": "the trunk leans far forward",
    "knees_caving": "the knees fall inside the feet",
    "knees_bowing": "the knees go far outside the feet",
    "heels_up": "the heels leave the floor",
    "toes_up": "the toes leave the floor",
    "knees_forward": "the knees go far past the toes",
    "shifted": "the weight is shifted to one side",
}


@dataclass(frozen=True)
class Verdict:
    """Of one repetition, as verdict.json has it. p_good, measures: None and empty where nothing was read."""

    start: float | None
    bottom: float | None
    end: float | None
    partial: bool
    verdict: str  # good, bad or cannot_tell
    p_good: float | None
    reasons: tuple[str, ...]
    faults: tuple[str, ...]  # the plainest first
    measures: dict[str, float]  # as deepsquat.measures.Measures has them, read off the picture


def judged(poses: Poses, champion: Champion, pose: MediaPipePose, margin: float) -> list[Verdict]:
    """A verdict for each repetition in the video, in order of time.

    pose: says when a body is seen whole. margin: a probability nearer to the threshold is no verdict.
    """
    if not len(poses.time):
        return []
    found = find(poses.time, poses.landmarks, float(poses.aspect[0]))
    return [_judged(repetition, i, poses, champion, pose, margin) for i, repetition in enumerate(found)]


def _judged(
    repetition: Repetition,
    number: int,
    poses: Poses,
    champion: Champion,
    pose: MediaPipePose,
    margin: float,
) -> Verdict:
    start, bottom, end = repetition.start, repetition.bottom, repetition.end
    if start is None or bottom is None or end is None:
        why = "the clip, or what is seen of the body, begins or ends inside this squat"
        return _verdict(repetition, "cannot_tell", (why,))
    rows = _rows_at(bottom, poses, 2 * champion.frames.each_side + 1)
    if unseen := _unseen(start, end, rows, poses, pose):
        return _verdict(repetition, "cannot_tell", tuple(unseen))
    table = rows_of(
        Squat("", number, start, bottom, end, None),
        poses.frame[rows],
        poses.time[rows],
        poses.time[rows] - bottom,
        poses.aspect[rows],
        poses.landmarks[rows],
    )
    images = draw(pixels(table, champion.skeleton), champion.skeleton)
    outputs = champion.outputs(torch.from_numpy(images))
    read = _read(champion, outputs)
    p_good = champion.p_good(outputs)
    if abs(p_good - champion.threshold) < margin:
        why = "it lies too near the limit between good and bad"
        return _verdict(repetition, "cannot_tell", (why,), p_good, read.faults, read.measures)
    if p_good >= champion.threshold:
        return _verdict(repetition, "good", (), p_good, (), read.measures)
    return _verdict(repetition, "bad", read.reasons, p_good, read.faults, read.measures)


def _verdict(
    repetition: Repetition,
    verdict: str,
    reasons: tuple[str, ...],
    p_good: float | None = None,
    faults: tuple[str, ...] = (),
    measures: Mapping[str, float] = MappingProxyType({}),
) -> Verdict:
    times = (repetition.start, repetition.bottom, repetition.end)
    start, bottom, end = (None if time is None else round(time, 2) for time in times)
    rounded = None if p_good is None else round(p_good, 3)
    return Verdict(start, bottom, end, repetition.partial, verdict, rounded, reasons, faults, dict(measures))


def _rows_at(bottom: float, poses: Poses, most: int) -> np.ndarray:
    """The rows nearest to the bottom that show it, at most so many.

    A network's frames lie nearer to each other than the poses of a followed video, which is why they are
    counted here, and not asked for by their times.
    """
    known = ~np.isnan(poses.landmarks[:, 0, 0]) & (np.abs(poses.time - bottom) <= NEAR)
    rows = np.flatnonzero(known)
    return np.sort(rows[np.argsort(np.abs(poses.time[rows] - bottom))[:most]])


def points_at(bottom: float, poses: Poses, champion: Champion) -> np.ndarray:
    """(k, 36, 2) pixels: what the images of a squat are drawn from; k is 0 where nobody is shown."""
    rows = _rows_at(bottom, poses, 2 * champion.frames.each_side + 1)
    columns = (poses.frame, poses.time, poses.time - bottom, poses.aspect, poses.landmarks)
    table = rows_of(Squat("", 0, bottom, bottom, bottom, None), *(column[rows] for column in columns))
    return pixels(table, champion.skeleton)


def _unseen(start: float, end: float, rows: np.ndarray, poses: Poses, pose: MediaPipePose) -> list[str]:
    """Why what is seen of a repetition does not do; empty where it does."""
    if not len(rows):
        return ["no body was found at the bottom"]
    at_bottom = poses.landmarks[rows]
    reasons = []
    xy = at_bottom[:, BODY, :2]
    if ((xy < 0) | (xy > 1)).any():  # of either side: a body cut in half has one whole side
        reasons.append("the body is partly out of the picture")
    elif not pose.whole(at_bottom).all():
        reasons.append("joints of the leg or the trunk are not to be seen")
    during = (poses.time >= start) & (poses.time <= end)
    during[rows] = True
    if np.nanmax(np.ptp(poses.landmarks[during, :, 1], axis=1)) < SMALL:
        reasons.append("the body is seen too small; film from nearer")
    if (poses.reason[during] != "").mean() > LOST:
        reasons.append("too few of its poses can be trusted")
    return reasons


@dataclass(frozen=True)
class _Read:
    """What a network reads off the pictures of a squat beside the verdict; empty where it reads nothing."""

    faults: tuple[str, ...] = ()
    measures: Mapping[str, float] = field(default_factory=dict)
    reasons: tuple[str, ...] = ("its network does not say why",)


def _read(champion: Champion, outputs: torch.Tensor) -> _Read:
    if not isinstance(champion.target, Form):
        return _Read()
    severities, measures = (values.mean(dim=0).tolist() for values in champion.target.read(outputs))
    said = zip(severities, FAULTS, strict=True)
    counted = sorted(((s, name) for s, name in said if name in champion.target.counted), reverse=True)
    faults = tuple(name for severity, name in counted if severity > 0)
    names = [field.name for field in fields(Measures)]
    near = "no single fault is plain, but several are near their limits"
    return _Read(
        faults,
        {name: round(value, 3) for name, value in zip(names, measures, strict=True)},
        tuple(SENTENCES[fault] for fault in faults) or (near,),
    )
