"""Verdicts on videos, as a user asks for them."""

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import unquote

import av
import cv2
import numpy as np
import pytest

from deepsquat import champion
from deepsquat.commands.predict import take_files
from deepsquat.commands.videos import named_videos
from deepsquat.commands.weights import SHIPPED
from deepsquat.errors import UserError
from films import film
from program import ROOT, Command, environment

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
    assert "It has learned from made-up people and real ones" in page
    assert page.count("<article") == len(truth) and "Anna&#x27;s [best]" in page and "<script" not in page
    assert page.count("data:image/jpeg;base64,") >= len(truth) and "http" not in page
    assert said.count("  squat ") == len(truth) and str(folder / "verdict.json") in said


def test_verdict_json_is_what_its_page_says(judged, corpus) -> None:
    """docs/verdict.md"""
    _, folder = judged
    found = json.loads((folder / "verdict.json").read_text())
    told = (ROOT / "docs" / "verdict.md").read_text()
    for name in [*found, *found["repetitions"][0], *found["files"]]:
        assert f"`{name}`" in told, name
    for one in found["repetitions"]:
        assert list(one) == [
            *("start", "bottom", "end", "partial", "verdict", "p_good", "reasons", "faults", "measures"),
            *("view", "unseen"),
        ]
        assert {"down", "pause", "up", "left_knee", "right_hip"} <= one["measures"].keys()
        assert one["measures"].keys() <= found["units"].keys()
        assert one["measures"]["down"] == pytest.approx(one["bottom"] - one["start"], abs=1.0)
    assert len(found["without_limbs"]) == len(found["repetitions"])
    assert all(-1 <= change <= 1 for change in found["without_limbs"][0].values())
    rows = list(csv.DictReader((folder / "measures.csv").open(newline="")))
    assert len(rows) == sum(len(one["measures"]) for one in found["repetitions"])
    assert {row["unit"] for row in rows if row["measure"] == "left_knee"} == {"degrees"}


def test_a_reference_and_a_standard_change_the_verdict_and_are_named(
    judged, videos: Path, command: Command, tmp_path: Path
) -> None:
    video = videos / "monday" / ODD
    before = json.loads((judged[1] / "verdict.json").read_text())
    found = {}
    for standard, words in {
        "strict": ["standard=strict"],
        "usual, depth below": ["depth=below"],
        "good squats of this person": [f"reference={video}"],
    }.items():
        out = tmp_path / standard
        done = command("src/predict.py", str(video), *words, f"out={out}", "annotated=false")
        assert done.returncode == 0, done.stderr
        found[standard] = json.loads(next(out.rglob("verdict.json")).read_text())
        assert found[standard]["model"]["standard"] == standard
        assert f"<em>{standard}</em>" in next(out.rglob("page.html")).read_text()
    mine = tmp_path / "mine.json"
    mine.write_text("{}")
    done = command("src/predict.py", str(video), f"reference={video}", f"standard={mine}")
    assert done.returncode == 2 and "leave standard= out, or reference=" in done.stderr
    own = found["good squats of this person"]["repetitions"]
    reference = found["good squats of this person"]["reference"]
    assert before["reference"] is None and reference["video"] == str(video)
    assert reference["bottom"] in {one["bottom"] for one in own}
    assert reference["measures"].keys() >= {"depth", "left_knee", "down"}
    page = next((tmp_path / "good squats of this person").rglob("page.html")).read_text()
    assert "<h3>Reference</h3><img" in page and "<h3>Reference" not in (judged[1] / "page.html").read_text()
    # Each beside the mean of all: that mean itself would be better than where good begins.
    assert max(one["p_good"] for one in own) > 0.5
    assert [one["p_good"] for one in own] != [one["p_good"] for one in before["repetitions"]]
    assert before["model"]["standard"] == "usual"


def test_the_annotated_video_has_every_frame_of_the_video(judged, videos: Path) -> None:
    _, folder = judged
    counts = []
    for path in (folder / "annotated.mp4", videos / "monday" / ODD):
        with av.open(str(path)) as container:
            counts.append(sum(1 for _ in container.decode(video=0)))
    assert counts[0] == counts[1] > 0


def test_a_second_run_writes_nothing_and_what_was_lost_is_made_again(
    judged, videos: Path, command: Command, home: Path
) -> None:
    said, folder = judged
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    again = command("src/predict.py", str(videos / "monday" / ODD))
    assert "is judged already" in again.stdout
    assert [line for line in again.stdout.splitlines() if line.startswith("  squat")] == [
        line for line in said.splitlines() if line.startswith("  squat")
    ]
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before
    (folder / "page.html").unlink()
    assert command("src/predict.py", str(videos / "monday" / ODD)).returncode == 0
    after = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert after.keys() == before.keys() and after["page.html"] != before["page.html"]
    assert after["annotated.mp4"] == before["annotated.mp4"]  # nothing in it has changed


def test_without_a_video_with_faces_hidden_and_in_centimetres(
    judged, videos: Path, command: Command, tmp_path: Path
) -> None:
    video = videos / "monday" / ODD
    options = ("annotated=false", "blur_faces=true", "height=178", f"out={tmp_path}")
    done = command("src/predict.py", str(video), *options)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / video.relative_to("/")
    assert {path.name for path in folder.iterdir()} == {
        *("page.html", "squats.png", "verdict.json", "measures.csv")
    }
    page = (folder / "page.html").read_text()
    assert "<video" not in page and "cm (estimate)" in page and "Faces are hidden" in page
    found = json.loads((folder / "verdict.json").read_text())
    assert found["annotated"] is None and "depth_cm" in found["repetitions"][0]["measures"]
    seen = [cv2.imread(str(at / "squats.png")).astype(int) for at in (folder, judged[1])]
    assert seen[0].shape == seen[1].shape and np.abs(seen[0] - seen[1]).max() > 30


def test_videos_of_one_name_from_two_working_folders_do_not_meet(
    judged, videos: Path, home: Path, tmp_path: Path
) -> None:
    """Judged from their own folders they would both lie at predictions/squat.mp4."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    for name in ("a", "b"):
        shutil.copy(videos / "monday" / ODD, tmp_path / name / "squat.mp4")
        told = [sys.executable, str(ROOT / "src/predict.py"), "squat.mp4", "annotated=false"]
        words = [*told, f"out={tmp_path / 'out'}"]
        done = subprocess.run(
            words, cwd=tmp_path / name, env=environment(home), capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
    found = {json.loads(path.read_text())["path"] for path in (tmp_path / "out").glob("**/verdict.json")}
    assert found == {str(tmp_path / name / "squat.mp4") for name in ("a", "b")}


def test_a_folders_page_has_the_videos_that_links_lead_to(
    judged, videos: Path, tmp_path: Path, command: Command
) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "linked.mp4").symlink_to(videos / "monday" / ODD)
    done = command("src/predict.py", str(tmp_path / "here"), "annotated=false", f"out={tmp_path / 'out'}")
    assert done.returncode == 0, done.stderr
    (index,) = (tmp_path / "out").glob("**/index.html")
    (link,) = re.findall(r'<a href="([^"]*page.html)">linked.mp4</a>', index.read_text())
    assert (index.parent / unquote(link)).is_file()


def test_a_folder_is_searched_and_what_cannot_be_judged_stops_no_other(
    judged, videos: Path, command: Command, home: Path
) -> None:
    _, folder = judged
    before = json.loads((folder / "verdict.json").read_text())
    kept = {p: p.stat().st_mtime_ns for p in (home / "data/landmarks/predicted").iterdir()}
    done = command("src/predict.py", str(videos), "margin=0.49", "annotated=false")
    assert done.returncode == 1
    assert done.stderr.startswith(f"Not judged: {videos / 'broken.mp4'}: is no video")
    assert done.stderr.count("\n") == 1
    again = json.loads((folder / "verdict.json").read_text())
    assert {one["verdict"] for one in again["repetitions"]} == {"cannot_tell"}  # of so wide a margin
    assert [one["p_good"] for one in again["repetitions"]] == [one["p_good"] for one in before["repetitions"]]
    # The page over all of them, and the table.
    top = home / "predictions" / videos.relative_to("/")
    index = (top / "index.html").read_text()
    links = [unquote(link) for link in re.findall(r'<a href="([^"]+)"', index)]
    assert links == ["summary.csv", f"monday/{ODD}/page.html"] and all((top / one).exists() for one in links)
    assert "broken.mp4" in index and "is no video" in index
    rows = list(csv.DictReader((top / "summary.csv").open(newline="")))
    assert [row["bottom"] for row in rows] == [str(one["bottom"]) for one in again["repetitions"]]
    assert {row["video"] for row in rows} == {f"monday/{ODD}"}
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
        (["{videos}", "standard=strict", "margin=0.3"], "margin=0.3: good begins at a chance of 75%"),
        (["{videos}", "standard=harsh"], "standard=harsh: must be one of strict, usual, lenient, or a file"),
        (["{videos}", "reference={labels}"], "its good squats are of 3 subjects; give one's alone"),
        (["{videos}", "depth=deep"], "depth=deep: must be parallel, below, or the thigh's degrees"),
        (["{videos}", "depth=60"], "depth=60: must be parallel, below, or the thigh's degrees"),
        (["{videos}", "depth=true"], "depth=True: must be parallel, below, or the thigh's degrees"),
        (["{videos}", "height=17"], "height must be a number from 100 to 250"),
        (["{videos}", "annotated=perhaps"], "annotated must be true or false"),
        (["{videos}", "weights=/nowhere"], "weights=/nowhere: must be champion, shipped, the id of a run"),
    ],
)
def test_a_mistake_is_one_line(
    arguments: list[str], said: str, videos: Path, corpus, command: Command
) -> None:
    labels = corpus.root / "labels.yaml"
    (videos / "monday" / "empty").mkdir(exist_ok=True)
    done = command("src/predict.py", *(word.format(videos=videos, labels=labels) for word in arguments))
    assert done.returncode == 2
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1 and said in done.stderr


def test_a_pipe_and_a_link_to_itself_are_named_and_not_waited_for(tmp_path: Path, command: Command) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    (tmp_path / "loop.mp4").symlink_to("loop.mp4")
    done = command("src/predict.py", str(tmp_path))
    assert done.returncode == 2  # none of them could be judged
    loop, pipe = done.stderr.splitlines()
    assert loop.startswith(f"Not judged: {tmp_path / 'loop.mp4'}: cannot be read")
    assert pipe.startswith(f"Not judged: {tmp_path / 'pipe.mp4'}: cannot be read (no regular file)")


def test_paths_are_told_from_options_however_they_are_spelt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a=b.mp4").touch()
    long = "out=" + 300 * "x"  # longer than a name can be
    words = ["a=b.mp4", "margin=0.1", "./c=d.mp4", "clip.mp4", "--config-dir", "conf", "-h", long, "x.mov"]
    assert take_files(words) == ["a=b.mp4", "./c=d.mp4", "clip.mp4", "x.mov"]
    assert words == ["margin=0.1", "--config-dir", "conf", "-h", long]


def test_a_folder_that_is_closed_is_named_and_stops_no_other(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir()
    (tmp_path / "clip.mp4").touch()
    (tmp_path / "closed").chmod(0)
    if os.access(tmp_path / "closed", os.R_OK):
        pytest.skip("the superuser may read everything")
    try:
        assert named_videos([str(tmp_path)], "")[1] == [tmp_path / "clip.mp4"]
        assert named_videos([str(tmp_path / "closed" / "clip.mp4")], "")[1]  # and is judged to be unreadable
        with pytest.raises(UserError, match=r"closed: cannot be read \(Permission denied\)"):
            named_videos([str(tmp_path / "closed")], "")
    finally:
        (tmp_path / "closed").chmod(0o700)


def test_neither_lightning_nor_mlflow_is_loaded(
    command: Command, judged, videos: Path, tmp_path: Path
) -> None:
    script = (
        "import runpy, sys\n"
        "sys.argv = sys.argv[1:]\n"
        "sys.path.insert(0, 'src')\n"
        "try: runpy.run_path(sys.argv[0], run_name='__main__')\n"
        "except SystemExit: print(sorted({'mlflow', 'pytorch_lightning', 'optuna'} & set(sys.modules)))\n"
    )
    options = ("annotated=false", f"out={tmp_path}")
    done = command("-c", script, "src/predict.py", str(videos / "monday" / ODD), *options)
    assert "finding poses" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]", done.stderr


def test_the_shipped_model_is_where_it_is_looked_for() -> None:
    assert SHIPPED == champion.FOLDER


@pytest.mark.slow
def test_what_is_interrupted_leaves_nothing_half_written_and_ends_at_once(home: Path, tmp_path: Path) -> None:
    video = film(tmp_path / "long.mp4", 3000, options={"preset": "ultrafast"})
    words = [sys.executable, "src/predict.py", str(video), f"out={tmp_path / 'out'}", "rate=5"]
    with subprocess.Popen(words, cwd=ROOT, env=environment(home), stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        for line in run.stdout:
            if line.startswith("  no squat"):
                break
        while not list(tmp_path.glob("out/**/.annotated.*.mp4")):
            assert run.poll() is None
            time.sleep(0.05)
        run.send_signal(signal.SIGTERM)
        assert run.wait(timeout=20) == 130
    assert [path for path in (tmp_path / "out").rglob("*") if path.is_file()] == []
