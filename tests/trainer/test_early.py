from pathlib import Path

import pytest

from deepsquat.augment import Augment
from deepsquat.data.arrays import ArrayFile
from deepsquat.data.squats import FrameChoice, Squat
from deepsquat.data.videos.annotations import write_labels
from deepsquat.data.videos.source import VideoFolder
from deepsquat.errors import UserError
from deepsquat.split import SplitOptions
from deepsquat.trainer.early import check_early

BY_SQUAT = SplitOptions("squat", val=0.25, test=0.25)


def labelled(folder: Path, label: int | None = None) -> VideoFolder:
    """Four videos of four squats, three images each; the videos are no videos, which nobody looks at yet."""
    squats = []
    for number in range(4):
        (folder / f"{number}.mp4").write_text(f"no video {number}")
        for index in range(4):
            start = 3.0 * index
            chosen = index % 2 if label is None else label
            squats.append(Squat(f"{number}.mp4", index, start, start + 1, start + 2, chosen))
    write_labels(folder / "labels.yaml", squats)
    return VideoFolder(folder, frames=FrameChoice(1, 0.1))


def test_a_batch_may_be_all_of_train_and_no_larger(tmp_path: Path) -> None:
    source = labelled(tmp_path)
    check_early(source, BY_SQUAT, Augment(), 24)  # 8 of 16 squats
    with pytest.raises(UserError, match="batch_size is 25, but there are at most 24 training images"):
        check_early(source, BY_SQUAT, Augment(), 25)
    check_early(source, BY_SQUAT, Augment(flip=True, zoom_out=0.5), 96)
    with pytest.raises(UserError, match="at most 96"):
        check_early(source, BY_SQUAT, Augment(flip=True, zoom_out=0.5), 97)


def test_labels_and_groups_are_looked_at(tmp_path: Path) -> None:
    source = labelled(tmp_path)
    check_early(source, SplitOptions("video"), Augment(), 3)
    with pytest.raises(UserError, match=r"16 squats have no subject, the first is 0\.mp4#0"):
        check_early(source, SplitOptions("subject"), Augment(), 3)
    one_sided = tmp_path / "one"
    one_sided.mkdir()
    with pytest.raises(UserError, match="only good squats have a label"):
        check_early(labelled(one_sided, label=1), BY_SQUAT, Augment(), 3)


def test_data_that_need_no_poses_are_not_asked() -> None:
    check_early(ArrayFile("nowhere.npz"), BY_SQUAT, Augment(), 10**6)
