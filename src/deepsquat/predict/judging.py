"""From poses and repetitions to verdicts, with their reasons in plain words."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from types import MappingProxyType

import numpy as np
import torch

from deepsquat.champion import Champion
from deepsquat.data.squats import Squat, rows_of
from deepsquat.landmarks import BODY
from deepsquat.measures import FAULTS, Measures
from deepsquat.predict.poses import Poses
from deepsquat.repetitions import Repetition, find
from deepsquat.skeleton import draw, pixels
from deepsquat.trainer.form import Form

NEAR = 0.15  # seconds from the bottom to a pose that shows it: there a squat is nearly still
SMALL = 0.2  # of the picture's height: a body lower than that, head to feet, is seen too small
SEEN = 0.3  # visibility from which a joint counts as seen
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
class Options:
    """How sure a verdict has to be."""

    margin: float = 0.08  # a probability nearer to the threshold than this is no verdict


@dataclass(frozen=True)
class Verdict:
    """Of one repetition. p_good, measures: None and empty where nothing could be read."""

    start: float | None
    bottom: float | None
    end: float | None
    partial: bool
    verdict: str  # good, bad or cannot_tell
    p_good: float | None
    reasons: tuple[str, ...]
    faults: tuple[str, ...]  # the plainest first
    measures: dict[str, float]  # as deepsquat.measures.Measures has them, read off the picture

    def plain(self) -> dict[str, object]:
        """As verdict.json has it."""
        return asdict(self)


def judged(poses: Poses, champion: Champion, options: Options) -> list[Verdict]:
    """A verdict for each repetition in the video, in order of time."""
    if not len(poses.time):
        return []
    found = find(poses.time, poses.landmarks, float(poses.aspect[0]))
    return [_judged(repetition, i, poses, champion, options) for i, repetition in enumerate(found)]


def _judged(
    repetition: Repetition, number: int, poses: Poses, champion: Champion, options: Options
) -> Verdict:
    start, bottom, end = repetition.start, repetition.bottom, repetition.end
    if start is None or bottom is None or end is None:
        why = "the clip, or what is seen of the body, begins or ends inside this squat"
        return _verdict(repetition, "cannot_tell", (why,))
    rows = _rows_at(bottom, poses)
    if unseen := _unseen(start, end, rows, poses):
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
    read = Read(champion, outputs)
    p_good = champion.p_good(outputs)
    if abs(p_good - champion.threshold) < options.margin:
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


def _rows_at(bottom: float, poses: Poses) -> np.ndarray:
    """The rows that show the bottom, at most three."""
    known = ~np.isnan(poses.landmarks[:, 0, 0]) & (np.abs(poses.time - bottom) <= NEAR)
    rows = np.flatnonzero(known)
    return np.sort(rows[np.argsort(np.abs(poses.time[rows] - bottom))[:3]])


def _unseen(start: float, end: float, rows: np.ndarray, poses: Poses) -> list[str]:
    """Why what is seen of a repetition does not do; empty where it does."""
    if not len(rows):
        return ["no body was found at the bottom"]
    body = poses.landmarks[rows][:, BODY]
    reasons = []
    if ((body[..., :2] < 0) | (body[..., :2] > 1)).any():
        reasons.append("the body is partly out of the picture")
    left, right = body[:, : len(BODY) // 2, 3], body[:, len(BODY) // 2 :, 3]
    if (np.maximum(left, right).mean(axis=0) < SEEN).any():
        reasons.append("joints of the leg or the trunk are not to be seen")
    during = (poses.time >= start) & (poses.time <= end)
    known = poses.landmarks[during & ~np.isnan(poses.landmarks[:, 0, 0])]
    if (known[..., 1].max(axis=1) - known[..., 1].min(axis=1)).max() < SMALL:
        reasons.append("the body is seen too small; film from nearer")
    if (poses.reason[during] != "").mean() > LOST:
        reasons.append("too few of its poses can be trusted")
    return reasons


class Read:
    """What a network reads off the pictures of a squat beside the verdict; empty where it reads nothing."""

    def __init__(self, champion: Champion, outputs: torch.Tensor) -> None:
        self.faults: tuple[str, ...] = ()
        self.measures: dict[str, float] = {}
        self.reasons: tuple[str, ...] = ()
        if not isinstance(champion.target, Form):
            return
        severities, measures = (values.mean(dim=0).tolist() for values in champion.target.read(outputs))
        said = zip(severities, FAULTS, strict=True)
        counted = sorted(((s, name) for s, name in said if name in champion.target.counted), reverse=True)
        self.faults = tuple(name for severity, name in counted if severity > 0)
        names = [field.name for field in fields(Measures)]
        self.measures = {name: round(value, 3) for name, value in zip(names, measures, strict=True)}
        near = "no single fault is plain, but several are near their limits"
        self.reasons = tuple(SENTENCES[fault] for fault in self.faults) or (near,)
