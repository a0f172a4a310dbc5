import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import psutil
import pytest

from deepsquat.data.squats import FrameChoice, LabelledVideos
from deepsquat.data.synthetic.corpus import planned
from deepsquat.data.synthetic.source import SyntheticSquats
from deepsquat.data.videos.annotations import read_labels
from deepsquat.errors import UserError
from deepsquat.landmarks import INDEX, NAMES
from program import ROOT


def options(root: Path, **changes: object) -> SyntheticSquats:
    """A corpus of a second or two."""
    small = SyntheticSquats(
        root, videos=2, squats=10, frames=FrameChoice(), seed=3, width=136, height=240, workers=1
    )
    return replace(small, **changes)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> LabelledVideos:
    return options(tmp_path_factory.mktemp("small")).collect()


def joints_of(corpus: LabelledVideos) -> dict[str, np.ndarray]:
    with np.load(corpus.root / "joints.npz") as arrays:
        return {name: arrays[name] for name in arrays.files}


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_same_options_same_bytes_in_one_process_or_two(
    small: LabelledVideos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # glibc fills fresh memory with this in the workers: an encoder that reads what nobody wrote is found out.
    monkeypatch.setenv("MALLOC_PERTURB_", "1")
    again = options(tmp_path, workers=2).collect()
    assert again.root.name == small.root.name
    assert contents(again.root) == contents(small.root)
    assert again.squats == small.squats


def test_another_seed_makes_another_corpus_beside_the_first(small: LabelledVideos) -> None:
    other = options(small.root.parent, seed=4)
    assert other.folder != small.root
    assert planned(other) != planned(options(small.root.parent))


def test_a_corpus_may_lie_in_a_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert options(Path("~/drawn")).folder.parent == tmp_path / "drawn"


def test_videos_are_portrait_h264_at_30_frames_a_second(corpus: LabelledVideos) -> None:
    joints = joints_of(corpus)
    for video in {squat.video for squat in corpus.squats}:
        with av.open(str(corpus.root / video)) as container:
            stream = container.streams.video[0]
            frames = list(container.decode(stream))
            assert stream.codec_context.name == "h264"
            assert stream.average_rate == 30
            assert (stream.width, stream.height) == (540, 960)
            assert [round(frame.time * 30) for frame in frames] == list(range(len(frames)))
            assert len(frames) == len(joints[f"{video}/pixels"]) == len(joints[f"{video}/metres"])


def test_labels_agree_with_the_true_joints(corpus: LabelledVideos) -> None:
    joints = joints_of(corpus)
    assert tuple(joints["names"]) == NAMES
    for squat in corpus.squats:
        metres = joints[f"{squat.video}/metres"]
        hips = metres[:, [INDEX["left_hip"], INDEX["right_hip"]], 1].mean(axis=1)
        start, bottom, end = (round(time * 30) for time in (squat.start, squat.bottom, squat.end))
        assert 0 <= start < bottom < end < len(metres)
        assert bottom == start + int(np.argmin(hips[start : end + 1]))
        assert bool(squat.faults) == (squat.label == 0)


def test_the_figure_is_drawn_where_the_joints_are(corpus: LabelledVideos) -> None:
    """At every large joint some frame shows something that was not there when the joint was elsewhere."""
    joints = joints_of(corpus)
    names = [f"{side}_{joint}" for side in ("left", "right") for joint in ("hip", "knee", "shoulder")]
    for video in {squat.video for squat in corpus.squats}:
        with av.open(str(corpus.root / video)) as container:
            frames = np.stack([f.to_ndarray(format="gray") for f in container.decode(video=0)][::3])
        moved = frames.max(axis=0).astype(int) - frames.min(axis=0) > 24  # where the figure passes
        pixels = joints[f"{video}/pixels"][::3][:, [INDEX[name] for name in names]].round().astype(int)
        assert ((pixels >= 0) & (pixels < [540, 960])).all()
        assert moved[pixels[..., 1], pixels[..., 0]].mean() > 0.9


def test_both_labels_occur_in_every_video(tmp_path: Path) -> None:
    films = planned(options(tmp_path, videos=34, squats=219))
    assert sum(len(film.labels) for film in films) == 219
    assert all(set(film.labels) == {0, 1} and 5 <= len(film.labels) <= 10 for film in films)
    assert 0.45 < np.mean([label for film in films for label in film.labels]) < 0.55


def test_one_label_per_video(tmp_path: Path) -> None:
    films = planned(options(tmp_path, videos=34, squats=219, one_label_per_video=True))
    assert all(len(set(film.labels)) == 1 for film in films)
    assert {film.labels[0] for film in films} == {0, 1}
    made = options(tmp_path, one_label_per_video=True).collect()
    for squat in made.squats:
        assert len({other.label for other in made.squats if other.video == squat.video}) == 1


def test_a_subject_may_come_back_in_another_video(tmp_path: Path) -> None:
    films = planned(options(tmp_path, videos=6, squats=40, subjects=4))
    assert [film.subject for film in films] == [0, 1, 2, 3, 0, 1]


def test_an_interrupted_corpus_goes_on(small: LabelledVideos, tmp_path: Path) -> None:
    whole = contents(small.root)
    begun = tmp_path / small.root.name
    shutil.copytree(small.root, begun)
    for lost in ("videos/002.mp4", "labels.yaml", "joints.npz"):
        (begun / lost).unlink()
    kept = (begun / "videos/001.mp4").stat()
    options(tmp_path).collect()
    assert contents(begun) == whole
    assert (begun / "videos/001.mp4").stat().st_mtime_ns == kept.st_mtime_ns


@pytest.mark.parametrize("name", ["labels.yaml", "joints.npz"])
def test_damaged_labels_and_joints_are_said_and_made_again(
    name: str, small: LabelledVideos, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = contents(small.root)
    shutil.copytree(small.root, tmp_path / small.root.name)
    path = tmp_path / small.root.name / name
    for damaged in (whole[name].replace(b"1", b"0", 1), whole[name][:-70], b""):
        path.write_bytes(damaged)
        assert options(tmp_path).collect().squats == small.squats
        lines = capsys.readouterr().out.splitlines()
        assert len(lines) == 1 and f"{name}: its checksum does not fit" in lines[0]
        assert lines[0].endswith("it is made again")
        assert contents(path.parent) == whole


def _script(root: Path) -> str:
    """A program that draws a corpus with two workers."""
    return f"""
from deepsquat.data.squats import FrameChoice
from deepsquat.data.synthetic.source import SyntheticSquats
if __name__ == "__main__":
    SyntheticSquats({str(root)!r}, 8, 40, FrameChoice(), width=540, height=960, workers=2).collect()
"""


def test_workers_end_with_a_parent_that_is_killed_alone(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(_script(tmp_path))
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    process = subprocess.Popen([sys.executable, str(script)], env=env, stderr=subprocess.DEVNULL)
    while process.poll() is None and not list(tmp_path.rglob("*.part.mp4")):
        time.sleep(0.05)
    family = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait()
    assert len(family) >= 2
    assert not psutil.wait_procs(family, timeout=10)[1]


def test_a_killed_worker_is_one_line(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(_script(tmp_path))
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    process = subprocess.Popen([sys.executable, str(script)], env=env, stderr=subprocess.PIPE, text=True)
    while process.poll() is None and not list(tmp_path.rglob("*.part.mp4")):
        time.sleep(0.05)
    number = next(tmp_path.rglob("*.part.mp4")).name.split(".")[2]  # of the process that writes it
    os.kill(int(number), signal.SIGKILL)
    _, err = process.communicate(timeout=60)
    last = err.strip().splitlines()[-1]
    assert "UserError" in last and "a process that drew videos was killed, perhaps out of memory" in last


def test_a_whole_corpus_is_not_drawn_again(small: LabelledVideos) -> None:
    before = {path: path.stat().st_mtime_ns for path in small.root.rglob("*")}
    assert options(small.root.parent).collect().squats == small.squats
    assert {path: path.stat().st_mtime_ns for path in small.root.rglob("*")} == before
    assert read_labels(small.root / "labels.yaml") == small.squats


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"videos": 0}, "data.videos must be 1 or more, got 0"),
        ({"squats": 9}, "data.squats must be 10 to 20 with data.videos=2 (5 to 10 in a video), got 9"),
        ({"squats": 21}, "data.squats must be 10 to 20 with data.videos=2 (5 to 10 in a video), got 21"),
        ({"subjects": 3}, "data.subjects must be 1 to 2 (data.videos), got 3"),
        ({"videos": 1, "squats": 5, "one_label_per_video": True}, "needs data.videos=2 or more"),
        ({"seed": -1}, "data.seed must be 0 or above, got -1"),
        ({"width": 135}, "data.width must be an even number of pixels, 120 or more, got 135"),
        ({"workers": 0}, "data.workers must be 1 or more, or null for every core, got 0"),
    ],
)
def test_impossible_options_are_refused(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    with pytest.raises(UserError) as error:
        options(tmp_path, **changes)
    assert message in str(error.value) and "\n" not in str(error.value)
