import os
from pathlib import Path

import pytest
from hydra.utils import instantiate
from omegaconf import OmegaConf

from deepsquat.data.squats import FrameChoice
from deepsquat.data.videos.source import VideoFolder
from deepsquat.errors import UserError

CONFIG = Path(__file__).parents[3] / "conf" / "data" / "videos.yaml"
LABELS = "a.mp4: [{start: 0, mid: 1, end: 2, label: 1}]\nb.mp4: [{start: 0, mid: 1, end: 2}]\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.mp4").write_bytes(b"one")
    (tmp_path / "b.mp4").write_bytes(b"two")
    (tmp_path / "labels.yaml").write_text(LABELS)
    return tmp_path


def test_the_config_makes_it(folder: Path) -> None:
    protocol = {"frames_each_side": 3, "frame_step": 0.1}
    config = OmegaConf.create({"protocol": protocol, "data": OmegaConf.load(CONFIG)})
    config.data.root = str(folder)
    assert instantiate(config.data) == VideoFolder(str(folder), None, FrameChoice(3, 0.1))


def test_squats_are_collected(folder: Path) -> None:
    found = VideoFolder(str(folder), frames=FrameChoice(each_side=2)).collect()
    assert (found.root, found.frames) == (folder, FrameChoice(each_side=2))
    assert [(squat.id, squat.label) for squat in found.squats] == [("a.mp4#0", 1), ("b.mp4#0", None)]


def test_the_root_may_be_relative_or_at_home(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parent)
    monkeypatch.setenv("HOME", str(folder.parent))
    assert len(VideoFolder(folder.name).collect().squats) == 2
    assert VideoFolder(f"~/{folder.name}").collect().root == folder


def test_labels_may_have_another_name_or_place(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    (folder / "labels.yaml").rename(folder / "mine.yaml")
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "theirs.yaml"
    elsewhere.write_text(LABELS.splitlines()[0])
    assert len(VideoFolder(folder, "mine.yaml").collect().squats) == 2
    assert len(VideoFolder(folder, str(elsewhere)).collect().squats) == 1
    (folder / "mine.yaml").rename(folder / "labels.yml")
    assert len(VideoFolder(folder).collect().squats) == 2


def refusal(folder: VideoFolder) -> str:
    with pytest.raises(UserError) as caught:
        folder.collect()
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def test_a_root_must_be_given() -> None:
    with pytest.raises(UserError) as caught:
        VideoFolder()
    assert str(caught.value) == "data.root: say where your videos are, e.g. data.root=~/squats"


def test_bad_folders_are_refused(folder: Path) -> None:
    assert "there is no folder" in refusal(VideoFolder(folder / "none"))
    assert "is not a folder" in refusal(VideoFolder(folder / "a.mp4"))
    assert "there is no user" in refusal(VideoFolder("~no-such-user-here/squats"))
    assert "other.yaml: there is no such labels file" in refusal(VideoFolder(folder, "other.yaml"))
    (folder / "labels.yml").write_text(LABELS)
    assert "holds both labels.yaml and labels.yml" in refusal(VideoFolder(folder))
    (folder / "labels.yml").unlink()
    (folder / "labels.yaml").unlink()
    assert "there is no labels.yaml in" in refusal(VideoFolder(folder))


@pytest.mark.parametrize("how", ["copy", "hard link", "symbolic link"])
def test_one_video_under_two_names_is_refused(folder: Path, how: str) -> None:
    twin = folder / "b.mp4"
    twin.unlink()
    if how == "copy":
        twin.write_bytes((folder / "a.mp4").read_bytes())
    elif how == "hard link":
        os.link(folder / "a.mp4", twin)
    else:
        twin.symlink_to("a.mp4")
    message = refusal(VideoFolder(folder))
    assert message.endswith("labels.yaml: a.mp4 and b.mp4 are the same video; keep one name for its squats")
