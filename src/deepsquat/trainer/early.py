"""What the labels alone say of a run, before minutes go into poses."""

from functools import lru_cache

from deepsquat.augment import Augment
from deepsquat.data.squats import LabelledVideos, VideoSource
from deepsquat.errors import UserError
from deepsquat.split import Division, Item


def check_early(source: object, options: Division, augment: Augment, batch_size: int) -> None:
    """Refuses what the squats of labelled videos, all of them usable, would not be enough for.

    source: of any kind; those that need no poses are quick to ask, and are not asked here.

    Raises:
        UserError: a label does not occur, the split cannot be made, or a batch is larger than all of train.
    """
    if not isinstance(source, VideoSource):
        return
    train = {item.id for item in options.divided(labelled(source))["train"]}
    videos = _collected(source)  # type: ignore[arg-type]
    frames = sum(len(videos.frames.times(squat)) for squat in videos.squats if squat.id in train)
    if batch_size > (most := frames * augment.versions):
        raise UserError(
            f"optim.batch_size is {batch_size}, but there are at most {most} training images; "
            f"take {most} or fewer"
        )


def labelled(source: VideoSource) -> list[Item]:
    """An item for each labelled squat of the source, whether its video can be used or not."""
    videos = _collected(source)  # type: ignore[arg-type]  # options are frozen, and so hashable
    return [
        Item(squat.id, squat.video, squat.subject or "", squat.label, squat.reference)
        for squat in videos.squats
        if squat.label is not None
    ]


@lru_cache(maxsize=2)  # a sweep trains many times on the same squats
def _collected(source: VideoSource) -> LabelledVideos:
    return source.collect()
