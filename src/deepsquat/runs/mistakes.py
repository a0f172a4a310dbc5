"""The squats on which a network was most wrong: the image it was given, the video's frame, the fault."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from deepsquat.data.squats import VideoSource
from deepsquat.errors import UserError
from deepsquat.images import Images
from deepsquat.runs import pictures
from deepsquat.trainer.predictions import Predictions

MOST = 12  # squats
_WORDS = ("bad", "good")
_LONGEST = 480  # pixels of a frame's longer side


@dataclass(frozen=True)
class Mistake:
    """row: of the squat's image on which the network was most wrong, among those of `Images`."""

    row: int
    squat: str
    label: int
    p_good: float  # the mean over the squat's images

    def caption(self, faults: str) -> str:
        """faults: as the table has them, a+b."""
        said = f"{_WORDS[self.label]}, said {self.p_good:.0%} good"
        why = faults.replace("_", " ").replace("+", ", ") or ("no fault is named" if not self.label else "")
        name = self.squat if len(self.squat) <= 24 else f"…{self.squat[-23:]}"
        return "\n".join([said, *([why] if why else []), name])


def worst(found: Predictions, table_rows: np.ndarray) -> tuple[list[Mistake], int]:
    """Those of the squats that are judged wrongly, the worst first, MOST at most; and how many there are.

    table_rows: (n,) of the part's own images, without their copies, among all images.
    """
    label, p_good = found.per_squat()
    miss = np.abs(p_good - label)
    wrong = [int(i) for i in np.argsort(-miss, kind="stable") if (p_good[i] > 0.5) != label[i]]
    mistakes = []
    for squat in wrong[:MOST]:
        own = np.flatnonzero(found.squat[: len(table_rows)] == squat)  # the first copy: as in the video
        row = own[np.argmax(np.abs(found.p_good[own] - label[squat]))]
        mistakes.append(
            Mistake(int(table_rows[row]), found.squats[squat].id, int(label[squat]), float(p_good[squat]))
        )
    return mistakes, len(wrong)


def frames(source: Any, images: Images, rows: Sequence[int]) -> Mapping[int, np.ndarray]:
    """The videos' frames behind these rows, (H, W, 3) uint8 RGB; without those that cannot be had."""
    if not isinstance(source, VideoSource):
        return {}
    from deepsquat.data.videos.frames import decoded, indexed

    root = source.collect().root
    of_video: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        of_video[str(images.video[row])].append(row)
    found: dict[int, np.ndarray] = {}
    for video, own in of_video.items():
        numbers = sorted({int(images.frame[row]) for row in own})
        try:
            index = indexed(root / video)
            decoded_ = dict(decoded(root / video, index, numbers, _LONGEST))
        except (UserError, OSError):
            continue  # it was there when the poses were found, and is no more
        for row in own:
            if (picture := decoded_.get(int(images.frame[row]))) is not None:
                found[row] = picture
    return found


def write(path: Path, source: Any, images: Images, table_rows: np.ndarray, found: Predictions) -> None:
    """source: the options of the data. table_rows: as in `worst`."""
    mistakes, count = worst(found, table_rows)
    beside = frames(source, images, [one.row for one in mistakes])
    pairs = [[images.images[one.row], *([beside[one.row]] if one.row in beside else [])] for one in mistakes]
    captions = [one.caption(str(images.faults[one.row])) for one in mistakes]
    of = f"{len(found.squats)} test squats"
    title = f"The worst of {count} mistakes on {of}" if count > MOST else f"{count} mistakes on {of}"
    if not count:
        title = f"No mistake on {of}"
    pictures.groups(pairs, captions, path, title)
