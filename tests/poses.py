"""A source of squats for the tests of the pose stage."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from deepsquat.data.squats import LabelledVideos


@dataclass
class Videos:
    """A source of which the tests choose the squats."""

    videos: LabelledVideos

    def collect(self) -> LabelledVideos:
        return self.videos


def with_bundle(folder: Path, bundle_folder: Path) -> Path:
    shutil.copytree(bundle_folder / "models", folder / "models")
    return folder


def program(videos: LabelledVideos, folder: Path) -> str:
    """A program that prepares `videos` with one worker."""
    return f"""
import sys
from pathlib import Path
from deepsquat.data.squats import FrameChoice, LabelledVideos, Squat
from deepsquat.pose.mediapipe import MediaPipePose
from deepsquat.pose.table import prepare
class Given:
    def collect(self):
        return LabelledVideos(Path({str(videos.root)!r}), {videos.squats!r}, {videos.frames!r})
if __name__ == "__main__":
    prepare(Given(), MediaPipePose(workers=1), Path({str(folder)!r}))
"""
