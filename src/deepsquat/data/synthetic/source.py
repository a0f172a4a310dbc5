"""Drawn squat videos with labels and true joints: a corpus for whoever has no videos yet.

`SyntheticSquats` writes under its root one folder for each set of options:

    videos/001.mp4 ...   H.264, 30 frames a second
    labels.yaml          the paper's form, with subject and faults
    joints.npz           true joints, see `deepsquat.data.synthetic.corpus`
    corpus.json          the options that made it
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from deepsquat.data.squats import FrameChoice, LabelledVideos
from deepsquat.errors import UserError
from deepsquat.files import expanded

# Raised with every change of what is rendered, so that an older corpus is not taken for a new one.
VERSION = 3
SQUATS_A_VIDEO = (5, 10)
PEOPLE = ("various", "alike")


@dataclass(frozen=True)
class SyntheticSquats:
    """Where the corpus goes and what is in it. The same options and seed give the same bytes.

    Raises:
        UserError: an option is out of range, or the options do not go together.
    """

    root: Path | str
    videos: int
    squats: int
    frames: FrameChoice
    seed: int = 0
    people: str = "alike"  # or various; see deepsquat.data.synthetic.motion
    subjects: int | None = None  # None: another one in every video
    one_label_per_video: bool = False
    width: int = 540
    height: int = 960
    workers: int | None = None  # None: as many as there are cores

    def __post_init__(self) -> None:
        fewest, most = SQUATS_A_VIDEO
        if self.videos < 1:
            raise UserError(f"data.videos must be 1 or more, got {self.videos}")
        if not fewest * self.videos <= self.squats <= most * self.videos:
            raise UserError(
                f"data.squats must be {fewest * self.videos} to {most * self.videos} with "
                f"data.videos={self.videos} ({fewest} to {most} in a video), got {self.squats}"
            )
        if self.subjects is not None and not 1 <= self.subjects <= self.videos:
            raise UserError(f"data.subjects must be 1 to {self.videos} (data.videos), got {self.subjects}")
        if self.one_label_per_video and self.videos < 2:
            raise UserError("data.one_label_per_video=true needs data.videos=2 or more, got 1")
        if self.people not in PEOPLE:
            raise UserError(f"data.people must be one of {', '.join(PEOPLE)}, got {self.people!r}")
        if self.seed < 0:
            raise UserError(f"data.seed must be 0 or above, got {self.seed}")
        for name, size in (("width", self.width), ("height", self.height)):
            if size < 120 or size % 2:
                raise UserError(f"data.{name} must be an even number of pixels, 120 or more, got {size}")
        if self.workers is not None and self.workers < 1:
            raise UserError(f"data.workers must be 1 or more, or null for every core, got {self.workers}")

    @property
    def folder(self) -> Path:
        """The corpus of these options: another folder for other options."""
        digest = hashlib.sha256(self.description().encode()).hexdigest()
        return expanded(self.root, "data.root") / f"{self.videos}x{self.squats}-{digest[:8]}"

    def description(self) -> str:
        """What the corpus depends on, as JSON; not where it lies, nor how many processes draw it."""
        what = ("videos", "squats", "seed", "people", "subjects", "one_label_per_video", "width", "height")
        return (
            json.dumps({"version": VERSION} | {name: getattr(self, name) for name in what}, indent=2) + "\n"
        )

    def collect(self) -> LabelledVideos:
        """The corpus, after drawing whatever is missing of it.

        Raises:
            UserError: the folder cannot be written.
        """
        from deepsquat.data.synthetic.corpus import drawn
        from deepsquat.data.videos.annotations import read_labels

        drawn(self)
        return LabelledVideos(self.folder, tuple(read_labels(self.folder / "labels.yaml")), self.frames)
