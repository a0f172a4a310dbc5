"""Squats of videos into a labels file, as a user asks for it, and on from there to a verdict."""

import json
import re
import shutil
from pathlib import Path

import pytest
import torch

from deepsquat.data.videos.annotations import read_labels
from program import Command

ODD = "Anna's [best], a=b {x} ü ワ"


@pytest.fixture(scope="module")
def videos(corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of an odd name with the corpus's videos, and one that is none."""
    folder = tmp_path_factory.mktemp("videos") / ODD
    folder.mkdir()
    for n, video in enumerate(dict.fromkeys(squat.video for squat in corpus.squats)):
        (folder / f"day {n}").mkdir()
        shutil.copy(corpus.root / video, folder / f"day {n}" / f"{n}, it's.mp4")
    return folder


@pytest.fixture(scope="module")
def labelled(videos: Path, command: Command):
    """What the command said of the first video, whose squats have no label yet."""
    path = videos / "labels.yaml"
    path.write_text("# by hand\n")
    done = command("src/label.py", str(videos / "day 0"), f"labels={path}")
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_squat_gets_an_entry_near_the_true_one(labelled: str, videos: Path, corpus, home: Path) -> None:
    truth = [squat for squat in corpus.squats if squat.video == corpus.squats[0].video]
    path = videos / "labels.yaml"
    found = read_labels(path)
    assert [squat.bottom for squat in found] == pytest.approx([squat.bottom for squat in truth], abs=0.2)
    assert {(squat.video, squat.label) for squat in found} == {("day 0/0, it's.mp4", None)}
    assert path.read_text().startswith("# by hand\n")
    assert f"{len(truth)} squats, {len(truth)} added" in labelled
    picture = home / "predictions" / (videos / "day 0" / "0, it's.mp4").relative_to("/") / "bottoms.png"
    assert picture.read_bytes().startswith(b"\x89PNG") and str(picture) in labelled


def test_from_labels_to_a_verdict_of_ones_own(
    labelled: str, videos: Path, command: Command, home: Path
) -> None:
    path = videos / "labels.yaml"
    before = path.read_text()
    days = [str(videos / f"day {n}") for n in range(3)]
    for places, label in ((days[1:2], "good"), (days[2:], "bad")):
        done = command("src/label.py", *places, f"labels={path}", f"label={label}", "subject=Jo")
        assert done.returncode == 0, done.stderr
    assert path.read_text().startswith(before)
    assert {(squat.video[:5], squat.label) for squat in read_labels(path)} == {
        ("day 0", None), ("day 1", 1), ("day 2", 0)
    }  # fmt: skip
    words = ["data=videos", f"data.root={videos}", "data.frames.each_side=1"]
    small = ("split=by_squat", "split.val=0.25", "split.test=0.25", "skeleton.height=48", "skeleton.width=27")
    done = command(
        "src/train.py", *words, *small, "model.blocks=1", "optim.batch_size=4", "trainer.max_epochs=2",
        "tracking=offline",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    run = re.search(r"^Run ([0-9a-f]{32}), in", done.stdout, re.MULTILINE)
    assert run is not None and "Landmark table: 3 videos, 15 squats" in done.stdout
    unlabelled = sum(squat.label is None for squat in read_labels(path))
    expected = f"Squats without a label: {unlabelled} of 15, which no training takes; write label: 1"
    assert expected in done.stdout
    promoted = home / "data" / "promoted"
    try:
        done = command("src/promote.py", run[1], "tracking=offline", "name=own")
        assert done.returncode == 0, done.stderr
        assert re.search("^test: 2 squats, AUC ", done.stdout, re.MULTILINE) and str(promoted) in done.stdout
        tested = torch.load(
            home / "multirun" / "offline" / run[1] / "artifacts/checkpoints/tested.ckpt", weights_only=True
        )
        kept = torch.load(promoted / "weights.pt", weights_only=True)
        assert all(torch.equal(kept[name], value) for name, value in tested["weights"].items())
        video = videos / "day 2" / "2, it's.mp4"
        done = command("src/predict.py", str(video))
        assert done.returncode == 0, done.stderr
        told = json.loads((home / "predictions" / video.relative_to("/") / "verdict.json").read_text())
        assert (told["model"]["name"], told["model"]["made_of"]["runs"]) == ("own", [run[1]])
        assert len(told["repetitions"]) == sum(squat.video[:5] == "day 2" for squat in read_labels(path))
        assert all(0 <= one["p_good"] <= 1 for one in told["repetitions"])
    finally:  # the champion of the tests that follow is the shipped one
        shutil.rmtree(promoted, ignore_errors=True)


def test_a_folder_with_no_labels_file_begins_one_in_it(
    videos: Path, command: Command, tmp_path: Path
) -> None:
    shutil.copytree(videos / "day 1", tmp_path / "own" / "day 1")
    (tmp_path / "own" / "broken.mp4").write_bytes(b"no video")
    (tmp_path / "own" / "link.mp4").symlink_to(next((videos / "day 0").iterdir()))
    done = command("src/label.py", str(tmp_path / "own"), "label=bad")
    assert done.returncode == 1
    broken, link = done.stderr.splitlines()
    assert broken.startswith(f"Not labelled: {tmp_path / 'own' / 'broken.mp4'}: is no video")
    assert link.startswith(f"Not labelled: {tmp_path / 'own' / 'link.mp4'}: is a link to a place outside")
    found = read_labels(tmp_path / "own" / "labels.yaml")
    assert found and {squat.label for squat in found} == {0}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "name a video"),
        (["{videos}", "label=fine"], "label must be good or bad, or be left out, got fine"),
        (["{videos}", "labels={videos}"], "must be a file whose name ends in .yaml"),
        (["{videos}", "labels={videos}/day 0/x.yaml"], "is not in"),
        (["{videos}", "subject="], "subject must be a name"),
        (["{videos}/none"], "cannot be read"),
    ],
)
def test_a_mistake_is_one_line(arguments: list[str], said: str, videos: Path, command: Command) -> None:
    done = command("src/label.py", *(word.format(videos=videos) for word in arguments))
    assert done.returncode == 2
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1 and said in done.stderr
