"""Verdicts on videos, as a user asks for them."""

import json
import shutil
from pathlib import Path

import pytest

from deepsquat.commands.predict import take_files
from program import Command

ODD = "Anna's [best], 100 % {x} = ü #1.MP4"


@pytest.fixture(scope="module")
def videos(corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a drawn video under an odd name, one that is none, and what is no video."""
    folder = tmp_path_factory.mktemp("videos")
    (folder / "monday").mkdir()
    first = corpus.squats[0].video
    shutil.copy(corpus.root / first, folder / "monday" / ODD)
    (folder / "broken.mp4").write_bytes(b"no video")
    (folder / "notes.txt").write_text("no video either")
    return folder


@pytest.fixture(scope="module")
def judged(videos: Path, command: Command, home: Path):
    video = videos / "monday" / ODD
    done = command("src/predict.py", str(video))
    assert done.returncode == 0, done.stderr
    return done.stdout, home / "predictions" / video.relative_to("/")


def test_every_squat_of_a_video_gets_a_verdict(judged, corpus) -> None:
    said, folder = judged
    truth = [squat for squat in corpus.squats if squat.video == corpus.squats[0].video]
    found = json.loads((folder / "verdict.json").read_text())
    assert found["version"] == 1 and found["video"].endswith(ODD) and len(found["sha256"]) == 64
    assert len(found["repetitions"]) == len(truth)
    for one, squat in zip(found["repetitions"], truth, strict=True):
        assert one["bottom"] == pytest.approx(squat.bottom, abs=0.2)
        assert one["start"] < one["bottom"] < one["end"] and one["partial"] is False
        assert one["verdict"] in ("good", "bad", "cannot_tell")
        assert bool(one["reasons"]) == (one["verdict"] != "good")
        assert {"depth", "lean", "knee_width"} <= one["measures"].keys()
        assert 0 <= one["p_good"] <= 1
    assert found["model"]["made_of"]["runs"]
    assert (folder / "squats.png").read_bytes().startswith(b"\x89PNG")
    page = (folder / "page.html").read_text()
    assert page.count("<article") == len(truth) and "Anna&#x27;s [best]" in page and "<script" not in page
    assert page.count("data:image/png;base64,") == 1 and "http" not in page
    assert said.count("  squat ") == len(truth) and str(folder / "verdict.json") in said


def test_a_folder_is_searched_and_what_cannot_be_judged_stops_no_other(
    judged, videos: Path, command: Command, home: Path
) -> None:
    _, folder = judged
    before = json.loads((folder / "verdict.json").read_text())
    kept = {p: p.stat().st_mtime_ns for p in (home / "data/landmarks/predicted").iterdir()}
    done = command("src/predict.py", str(videos), "margin=0.5")
    assert done.returncode == 1
    assert done.stderr.startswith(f"Not judged: {videos / 'broken.mp4'}: is no video")
    assert done.stderr.count("\n") == 1
    again = json.loads((folder / "verdict.json").read_text())
    assert {one["verdict"] for one in again["repetitions"]} == {"cannot_tell"}  # of so wide a margin
    assert [one["p_good"] for one in again["repetitions"]] == [one["p_good"] for one in before["repetitions"]]
    # Another margin estimates no pose anew.
    assert {p: p.stat().st_mtime_ns for p in (home / "data/landmarks/predicted").iterdir()} == kept


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "name a video"),
        (["{videos}/broken.mp4"], "is no video"),
        (["{videos}/none.mp4"], "cannot be read"),
        (["{videos}/monday/empty"], "no video is in it"),
        (["{videos}", "margin=2"], "margin must be a number from 0 to 0.5"),
        (["{videos}", "weights=/nowhere"], "weights=/nowhere: must be champion, shipped, the id of a run"),
    ],
)
def test_a_mistake_is_one_line(arguments: list[str], said: str, videos: Path, command: Command) -> None:
    (videos / "monday" / "empty").mkdir(exist_ok=True)
    done = command("src/predict.py", *(word.format(videos=videos) for word in arguments))
    assert done.returncode == 2
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1 and said in done.stderr


def test_paths_are_told_from_options_however_they_are_spelt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a=b.mp4").touch()
    words = ["a=b.mp4", "margin=0.1", "./c=d.mp4", "clip.mp4", "--config-dir", "conf", "-h", "x.mov"]
    assert take_files(words) == ["a=b.mp4", "./c=d.mp4", "clip.mp4", "x.mov"]
    assert words == ["margin=0.1", "--config-dir", "conf", "-h"]


def test_neither_lightning_nor_mlflow_is_loaded(command: Command, judged, videos: Path) -> None:
    script = (
        "import runpy, sys\n"
        "sys.argv = sys.argv[1:]\n"
        "sys.path.insert(0, 'src')\n"
        "try: runpy.run_path(sys.argv[0], run_name='__main__')\n"
        "except SystemExit: print(sorted({'mlflow', 'pytorch_lightning', 'optuna'} & set(sys.modules)))\n"
    )
    done = command("-c", script, "src/predict.py", str(videos / "monday" / ODD))
    assert done.stdout.splitlines()[-1] == "[]", done.stderr
