"""Squats of one person that are known to be good, beside which that person's others are judged."""

from pathlib import Path
from statistics import mean

from deepsquat.champion import Champion, compared_to
from deepsquat.data.videos.annotations import read_labels
from deepsquat.errors import UserError
from deepsquat.predict.judging import reference_logits
from deepsquat.predict.options import Options
from deepsquat.predict.poses import Reader
from deepsquat.predict.result import Reference, nearest

LABELS = (".yaml", ".yml")
# Videos, and the times of the good squats' bottoms in them; None: all of its squats are good.
References = dict[Path, list[float] | None]


def references_of(path: Path) -> References:
    """Of a labels file those that are marked as references, else the good ones; or all of a video's.

    Raises:
        UserError: the file cannot be read, or no good squat is in it.
    """
    if path.suffix.lower() not in LABELS:
        return {path: None}
    squats = read_labels(path)
    marked = [squat for squat in squats if squat.reference] or [squat for squat in squats if squat.label == 1]
    if not marked:
        raise UserError(f"reference={path}: no squat in it has label 1")
    if len(people := {squat.subject for squat in marked if squat.subject}) > 1:
        raise UserError(f"reference={path}: its good squats are of {len(people)} subjects; give one's alone")
    found: References = {}
    for squat in marked:
        times = found.setdefault(path.parent / squat.video, [])
        assert times is not None
        times.append(squat.bottom)
    return found


def beside(
    champion: Champion, references: References, reader: Reader, options: Options
) -> tuple[Champion, Reference]:
    """The champion that judges this person, and of the good squats the nearest to their mean, to be shown.

    Raises:
        UserError: a video cannot be read, no squat is seen well enough, or the champion cannot compare.
    """
    seen = [
        (video, bottom, logit)
        for video, bottoms in references.items()
        for bottom, logit in reference_logits(
            reader.poses(video).poses, champion, reader.pose, bottoms, options.slowed
        )
    ]
    if not seen:
        names = ", ".join(map(str, references))
        raise UserError(f"reference: no good squat is seen well enough in {names}; take another one")
    logits = [logit for *_, logit in seen]
    video, bottom, _ = min(seen, key=lambda one: abs(one[2] - mean(logits)))
    return compared_to(champion, logits), nearest(video, bottom, reader, champion, options)
