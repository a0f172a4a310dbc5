"""From poses and repetitions to verdicts, with their reasons in plain words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from deepsquat.champion import Champion
from deepsquat.data.squats import Squat, rows_of
from deepsquat.landmarks import BODY, INDEX
from deepsquat.measures import FAULTS, OF_BODY, OF_FAULT, Limits, how_far, view_of
from deepsquat.pose.mediapipe import MediaPipePose
from deepsquat.predict.camera import held
from deepsquat.predict.poses import Poses
from deepsquat.predict.terms import asked, term
from deepsquat.repetitions import Repetition, find
from deepsquat.skeleton import draw, pixels
from deepsquat.trainer.form import Form
from deepsquat.trainer.form import severities as severities_of

NEAR = 0.15  # seconds from the bottom to a pose that shows it: there a squat is nearly still
SAME = 0.5  # seconds between the bottoms of one squat, as two find it
SMALL = 0.2  # of the picture's height: a body that is lower, head to feet, is seen too small
EDGE = 0.02  # of the picture
SURE = 0.5  # visibility: what is hidden is guessed with less
LOST = 0.4  # of the poses of a squat that may be missing
READABLE = 0.5  # of a measure's variance, which a network must read at a view, for it to be told there
_LEG = ("hip", "knee", "ankle", "heel", "foot_index")
FEET = [INDEX[f"{side}_{joint}"] for side in ("left", "right") for joint in ("heel", "foot_index")]
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
DEEPER = "the hips stay too high: they do not come down far enough below the knees"  # where that is asked for


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
    view: str | None = None  # where the camera stands, one of deepsquat.measures.VIEWS
    unseen: tuple[str, ...] = ()  # measures that cannot be read from there


def judged(
    poses: Poses, champion: Champion, pose: MediaPipePose, margin: float, slowed: float = 1.0
) -> list[Verdict]:
    """A verdict for each repetition in the video, in order of time.

    pose: says when a body is seen whole. margin: a probability nearer to the threshold is no verdict.
    slowed: as in `repetitions.find`.
    """
    if not len(poses.time):
        return []
    found = find(poses.time, poses.landmarks, float(poses.aspect[0]), slowed)
    return [_judged(repetition, poses, champion, pose, margin) for repetition in found]


def _judged(
    repetition: Repetition, poses: Poses, champion: Champion, pose: MediaPipePose, margin: float
) -> Verdict:
    start, bottom, end = repetition.start, repetition.bottom, repetition.end
    if start is None or bottom is None or end is None:
        why = "only a part of this squat is in the video, or is seen"
        return _verdict(repetition, "cannot_tell", (why,))
    if poses.lifters[0] > 1:
        why = "more than one person squats in it, or one and a mirror; film one alone"
        return _verdict(repetition, "cannot_tell", (why,))
    rows = _rows_at(bottom, poses, 2 * champion.frames.each_side + 1)
    if unseen := _unseen(start, end, rows, poses, pose):
        return _verdict(repetition, "cannot_tell", tuple(unseen))
    outputs = _outputs(rows, bottom, poses, champion)
    read = _read(champion, outputs)
    p_good = champion.p_good(outputs)
    if strange := _strange_view(read.yaw, champion) or held(start, end, poses, read.yaw):
        return _verdict(repetition, "cannot_tell", (strange,), p_good, read)
    if abs(p_good - champion.threshold) < margin:
        why = "it lies too near the limit between good and bad"
        return _verdict(repetition, "cannot_tell", (why,), p_good, read)
    if p_good >= champion.threshold and champion.needs_a_fault and read.faults:
        why = f"it looks good as a whole, but for one fault: {read.reasons[0]}"
        return _verdict(repetition, "cannot_tell", (why,), p_good, read)
    if p_good >= champion.threshold:
        return _verdict(repetition, "good", (), p_good, replace(read, faults=()))
    if champion.needs_a_fault and read.yaw is not None and not read.faults:
        # Verdicts without one were right hardly more often than not.
        return _verdict(repetition, "cannot_tell", read.reasons, p_good, read)
    return _verdict(repetition, "bad", read.reasons, p_good, read)


def _points(rows: np.ndarray, bottom: float, poses: Poses, champion: Champion) -> np.ndarray:
    """(k, 36, 2) pixels: what the images of these rows are drawn from."""
    columns = (poses.frame, poses.time, poses.time - bottom, poses.aspect, poses.landmarks)
    squat = Squat("", 0, bottom, bottom, bottom, None)
    return pixels(rows_of(squat, *(column[rows] for column in columns)), champion.skeleton)


def _outputs(rows: np.ndarray, bottom: float, poses: Poses, champion: Champion) -> torch.Tensor:
    """What the network says of the images of these rows."""
    images = draw(_points(rows, bottom, poses, champion), champion.skeleton)
    return champion.outputs(torch.from_numpy(images))


def reference_logits(
    poses: Poses,
    champion: Champion,
    pose: MediaPipePose,
    bottoms: Sequence[float] | None,
    slowed: float = 1.0,
) -> list[tuple[float, float]]:
    """Bottom and logit of the squats in a video that are known to be good and are well seen.

    bottoms: their times in seconds; None: all squats of the video are. slowed: as in `repetitions.find`.
    """
    found = []
    for one in find(poses.time, poses.landmarks, float(poses.aspect[0]), slowed) if len(poses.time) else []:
        if one.start is None or one.bottom is None or one.end is None:
            continue
        if bottoms is not None and min(abs(one.bottom - t) for t in [*bottoms, np.inf]) > SAME * slowed:
            continue
        rows = _rows_at(one.bottom, poses, 2 * champion.frames.each_side + 1)
        if not _unseen(one.start, one.end, rows, poses, pose):
            logit = float(champion.logits(_outputs(rows, one.bottom, poses, champion)).mean())
            found.append((one.bottom, logit))
    return found


def _verdict(
    repetition: Repetition,
    verdict: str,
    reasons: tuple[str, ...],
    p_good: float | None = None,
    read: "_Read | None" = None,
) -> Verdict:
    times = (repetition.start, repetition.bottom, repetition.end)
    start, bottom, end = (None if time is None else round(time, 2) for time in times)
    rounded = None if p_good is None else round(p_good, 3)
    read = read or _Read()
    view = None if read.yaw is None else view_of(read.yaw)
    return Verdict(
        start, bottom, end, repetition.partial, verdict, rounded, reasons,
        read.faults, dict(read.measures), view, read.unseen,
    )  # fmt: skip


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
    return _points(rows, bottom, poses, champion)


def _unseen(start: float, end: float, rows: np.ndarray, poses: Poses, pose: MediaPipePose) -> list[str]:
    """Why what is seen of a repetition does not do; empty where it does."""
    if not len(rows):
        return ["no body was found at the bottom"]
    at_bottom = poses.landmarks[rows]
    reasons = []
    body, feet = at_bottom[:, BODY, :2], at_bottom[:, FEET, :2]
    if ((body < 0) | (body > 1)).any() or ((feet < EDGE) | (feet > 1 - EDGE)).any():
        # Of either side: a body cut in half has one whole side. Cut-off feet are guessed at the edge.
        reasons.append("the body is partly out of the picture")
    elif not pose.whole(at_bottom).all() or (_best_seen(at_bottom) < SURE).any():
        reasons.append("joints of the leg or the trunk are not to be seen")
    during = (poses.time >= start) & (poses.time <= end)
    during[rows] = True
    if np.nanmax(np.ptp(poses.landmarks[during, :, 1], axis=1)) < SMALL:
        reasons.append("the body is seen too small; film from nearer")
    if (poses.reason[during] != "").mean() > LOST:
        reasons.append("too few of its poses can be trusted")
    return reasons


def _best_seen(landmarks: np.ndarray) -> np.ndarray:
    """(n, 5) visibilities of landmarks (n, 33, 4): of hip, knee, ankle, heel and toes, the better side's."""
    sides = [[INDEX[f"{side}_{joint}"] for joint in _LEG] for side in ("left", "right")]
    return np.asarray(np.maximum(*(landmarks[:, side, 3] for side in sides)))


def _strange_view(yaw: float | None, champion: Champion) -> str:
    """Why the camera stands where the network never saw a squat from; "" where it has, or may have."""
    low, high = champion.views.get("yaw", (-180.0, 180.0))
    if yaw is None or any(low <= yaw + turn <= high for turn in (-360, 0, 360)):
        return ""
    return f"it is seen from a side that the network has not learned, {abs(yaw):.0f} degrees from the front"


@dataclass(frozen=True)
class _Read:
    """What a network reads off the pictures of a squat beside the verdict; empty where it reads nothing."""

    faults: tuple[str, ...] = ()
    measures: Mapping[str, float] = field(default_factory=dict)
    reasons: tuple[str, ...] = ("its network does not say why",)
    yaw: float | None = None  # of the camera, degrees from the front
    unseen: tuple[str, ...] = ()


def _read(champion: Champion, outputs: torch.Tensor) -> _Read:
    form = champion.target
    if not isinstance(form, Form):
        return _Read()
    severities, measures = form.read(outputs)
    turn = torch.deg2rad(measures[:, -1])
    yaw = float(torch.atan2(turn.sin().mean(), turn.cos().mean()).rad2deg())
    view = view_of(yaw)
    means = dict(zip(OF_BODY, measures[:, :-1].mean(dim=0).tolist(), strict=True))
    unseen = tuple(name for name in OF_BODY if _error(champion, name, view).get("explained", 1.0) < READABLE)
    limits = champion.limits or form.limits
    if limits != form.limits:  # the network's own severities are beyond those that it learned
        severities = severities_of(measures, limits)
    said = dict(zip(FAULTS, severities.mean(dim=0).tolist(), strict=True))
    told = [name for name in FAULTS if OF_FAULT[name] not in unseen]
    plain = [
        name
        for name in sorted(told, key=lambda name: -said[name])
        if said[name] > 0
        and how_far(name, means, limits) > _error(champion, OF_FAULT[name], view).get("error", 0.0)
    ]
    nearest = max(told, key=lambda name: said[name], default="")
    reasons = [_sentence(name, means, champion, view) for name in plain]
    if not plain and nearest:
        nearly = _sentence(nearest, means, champion, view)
        reasons = [f"no single fault is sure; the likeliest: {nearly}"]
    return _Read(
        tuple(plain),
        {name: round(value, 3) for name, value in means.items() if name not in unseen},
        tuple(reasons) or ("several measures are near their limits",),
        yaw,
        unseen,
    )


def _error(champion: Champion, measure: str, view: str) -> Mapping[str, float]:
    return champion.errors.get(measure, {}).get(view, {})


def _sentence(fault: str, measures: Mapping[str, float], champion: Champion, view: str) -> str:
    """What a lifter is told of a fault: what was read, and what is asked, or else what good squats have."""
    measure = OF_FAULT[fault]
    one, known = term(measure), champion.quantiles.get(measure, {}).get(view)
    figures = [f"{one.words}: {one.said(measures[measure])}"]
    if champion.limits:
        figures.append(f"good is {asked(fault, champion.limits)}")
    elif known:
        figures.append(f"in good squats {one.number(known['5'])} to {one.number(known['95'])}")
    said = DEEPER if is_below_asked(fault, champion.limits) else SENTENCES[fault]
    return f"{said} ({'; '.join(figures)})"


def is_below_asked(fault: str, limits: Limits | None) -> bool:
    """Whether the fault is too little depth where the hips are to come below the knees."""
    return fault == "too_shallow" and limits is not None and limits.depth < 0
