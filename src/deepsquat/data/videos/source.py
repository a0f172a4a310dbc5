"""A user's own videos: a folder with a labels file."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from deepsquat.data.squats import FrameChoice, LabelledVideos
from deepsquat.data.videos.annotations import read_labels
from deepsquat.errors import UserError
from deepsquat.files import expanded

NAMES = ("labels.yaml", "labels.yml")


@dataclass(frozen=True)
class VideoFolder:
    """Where the videos are, and which of their frames to take."""

    root: str | Path | None = None  # the folder that video paths start from
    labels: str | Path | None = None  # a labels file of another name, in that folder or elsewhere
    frames: FrameChoice = field(default_factory=FrameChoice)

    def __post_init__(self) -> None:
        if self.root is None or not str(self.root).strip():
            raise UserError("data.root: say where your videos are, e.g. data.root=~/squats")

    def collect(self) -> LabelledVideos:
        """Read the labels file. It may hold squats of one label only, or without any.

        Raises:
            UserError: there is no such folder or file, something in it is wrong, a video that it names is
                not there, or two of them are the same.
        """
        root = expanded(str(self.root), "data.root")
        if not root.exists():
            raise UserError(f"data.root: there is no folder {root}; name the folder that holds your videos")
        if not root.is_dir():
            raise UserError(f"data.root: {root} is not a folder; name the folder that holds your videos")
        path = self._labels_file(root)
        squats = read_labels(path, root)
        _refuse_duplicates(path, root, dict.fromkeys(squat.video for squat in squats))
        return LabelledVideos(root, squats, self.frames)

    def _labels_file(self, root: Path) -> Path:
        if self.labels is not None:
            named = expanded(str(self.labels), "data.labels")
            return root / named if (root / named).exists() else named
        found = [root / name for name in NAMES if (root / name).exists()]
        if not found:
            raise UserError(
                f"data.root: there is no {NAMES[0]} in {root}; write one, or name another file by data.labels"
            )
        if len(found) > 1:
            raise UserError(f"data.root: {root} holds both {' and '.join(NAMES)}; name one by data.labels")
        return found[0]


def _refuse_duplicates(path: Path, root: Path, videos: Iterable[str]) -> None:
    """Refuse one video under two names: its squats could be on both sides of a split."""
    same_size = defaultdict(list)
    for video in videos:
        with suppress(OSError):  # one that cannot be read is dropped, and named, when it comes to its poses
            same_size[(root / video).stat().st_size].append(video)
    for size, group in same_size.items():
        seen: dict[str, str] = {}
        # Empty files are all alike, and are named as empty when they are opened.
        for video in group if size and len(group) > 1 else []:
            with suppress(OSError), (root / video).open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
                if digest in seen:
                    raise UserError(
                        f"{path}: {seen[digest]} and {video} are the same video; keep one name for its squats"
                    )
                seen[digest] = video
