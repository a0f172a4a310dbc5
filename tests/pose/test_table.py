import json
import multiprocessing
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path

import av
import numpy as np
import psutil
import pytest

import deepsquat
from deepsquat.data.squats import Drops, FrameChoice, LabelledVideos, Squat
from deepsquat.errors import UserError
from deepsquat.landmarks import LandmarkTable
from deepsquat.pose.mediapipe import MediaPipePose
from deepsquat.pose.storage import read_columns, write_columns
from deepsquat.pose.table import Prepared, prepare
from films import read_frames


@dataclass
class Videos:
    """A source of which the tests choose the squats."""

    videos: LabelledVideos

    def collect(self) -> LabelledVideos:
        return self.videos


@dataclass
class Table:
    table: LandmarkTable
    made: int = 0

    def inputs(self) -> dict[str, str]:
        return {"rows": str(len(self.table))}

    def landmark_table_and_drops(self) -> tuple[LandmarkTable, Drops]:
        self.made += 1
        return self.table, Drops({"a#0: a marker is lost": 2}, {"b#1": "the file is empty"})


@pytest.fixture(scope="module")
def videos(corpus: LabelledVideos) -> LabelledVideos:
    """Three squats of each video, three frames of each squat: enough to see every path."""
    names = sorted({squat.video for squat in corpus.squats})[:2]
    squats = [squat for name in names for squat in [s for s in corpus.squats if s.video == name][:3]]
    return LabelledVideos(corpus.root, tuple(squats), FrameChoice(each_side=1, step=0.1))


@pytest.fixture(scope="module")
def data(bundle_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder that holds the bundle and what the first preparation leaves."""
    folder = tmp_path_factory.mktemp("data")
    shutil.copytree(bundle_folder / "models", folder / "models")
    return folder


@pytest.fixture(scope="module")
def prepared(videos: LabelledVideos, data: Path) -> Prepared:
    return prepare(Videos(videos), MediaPipePose(workers=2), data)


@pytest.fixture
def offline(prepared: Prepared, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with the poses of the first preparation, but no bundle and no way to get one.

    What estimates a pose again fails there.
    """
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    shutil.copytree(data / "landmarks", tmp_path / "landmarks")
    return tmp_path


def _with_bundle(folder: Path, bundle_folder: Path) -> Path:
    shutil.copytree(bundle_folder / "models", folder / "models")
    return folder


def _film(path: Path, pictures: list[np.ndarray], rate: int = 10) -> None:
    with av.open(str(path), "w") as container:
        height, width, _ = pictures[0].shape
        stream = container.add_stream("libx264", rate=rate)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


def _script(videos: LabelledVideos, folder: Path) -> str:
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


def _leftovers(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if ".part" in path.name]


def test_every_squat_has_its_frames_with_landmarks_that_are_those_of_a_person(
    prepared: Prepared, videos: LabelledVideos
) -> None:
    table = prepared.table
    assert [str(name) for name in dict.fromkeys(table.squat)] == [squat.id for squat in videos.squats]
    assert prepared.manifest["frames_tried"] == 3 * len(videos.squats)
    assert prepared.manifest["frames"] == len(table) > 2.5 * len(videos.squats)
    assert set(prepared.manifest["inputs"]["videos"]) == {squat.video for squat in videos.squats}
    labels = {squat.id: squat.label for squat in videos.squats}
    assert [labels[name] for name in table.squat] == table.label.tolist()
    assert np.abs(table.offset).max() < 0.12
    assert np.isfinite(table.landmarks).all()
    assert table.landmarks.dtype == np.float32
    assert np.median(table.landmarks[..., 3]) > 0.9


def test_one_worker_or_two_write_the_same_bytes_and_a_quiet_stderr(
    prepared: Prepared,
    videos: LabelledVideos,
    bundle_folder: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    folder = _with_bundle(tmp_path, bundle_folder)
    again = prepare(Videos(videos), MediaPipePose(workers=1), folder)
    assert again.fingerprint == prepared.fingerprint
    assert again.path.read_bytes() == prepared.path.read_bytes()
    out, err = capfd.readouterr()
    assert re.fullmatch(
        r"Landmark table: 2 videos, 6 squats, \d+ frames, made in \d+ s: .*\.parquet\n.*", out, re.S
    )
    rest = re.sub(r"\rPoses: [^\r\n]*|\r +|\r", "", err)
    assert rest.strip() == "", "only the bar is for the user"


def test_a_second_run_finds_the_table(
    prepared: Prepared, videos: LabelledVideos, offline: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = prepare(Videos(videos), MediaPipePose(workers=1), offline)
    assert found.fingerprint == prepared.fingerprint
    assert found.manifest == json.loads(json.dumps(prepared.manifest))
    np.testing.assert_array_equal(found.table.landmarks, prepared.table.landmarks)
    assert capsys.readouterr().out.count("\n") == 1


def test_a_cached_table_needs_neither_mediapipe_nor_a_decoder(
    prepared: Prepared, videos: LabelledVideos, data: Path
) -> None:
    script = (
        _script(videos, data)
        + """
    print([name for name in ("mediapipe", "av", "cv2", "torch", "pandas") if name in sys.modules])
"""
    )
    environment = os.environ | {"PYTHONPATH": str(Path(deepsquat.__file__).parents[1])}
    result = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
    assert "found as" in result.stdout, result.stderr
    assert result.stdout.endswith("[]\n")


def test_another_label_needs_no_estimation(prepared: Prepared, videos: LabelledVideos, offline: Path) -> None:
    first = replace(videos.squats[0], label=None, subject="anna", faults=("too shallow", "knees in"))
    changed = prepare(Videos(replace(videos, squats=(first, *videos.squats[1:]))), MediaPipePose(), offline)
    assert changed.fingerprint != prepared.fingerprint
    rows = changed.table.squat == first.id
    assert set(changed.table.label[rows]) == {-1}
    assert set(changed.table.subject[rows]) == {"anna"}
    assert set(changed.table.faults[rows]) == {"too shallow+knees in"}
    np.testing.assert_array_equal(changed.table.landmarks, prepared.table.landmarks)


def test_an_option_of_what_is_dropped_makes_another_table_without_estimation(
    prepared: Prepared, videos: LabelledVideos, offline: Path
) -> None:
    stricter = prepare(Videos(videos), MediaPipePose(min_visibility=0.3), offline)
    assert stricter.fingerprint != prepared.fingerprint
    with pytest.raises(
        UserError, match=r"none of the 6 squats can be used; the first, .*pose\.min_visibility"
    ):
        prepare(Videos(videos), MediaPipePose(min_visibility=1.0), offline)


def test_other_frames_or_another_video_need_estimation(
    videos: LabelledVideos, offline: Path, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match="pip download"):
        prepare(Videos(replace(videos, frames=FrameChoice(each_side=0))), MediaPipePose(), offline)
    copy = tmp_path / "copy"
    shutil.copytree(videos.root, copy)
    prepare(Videos(replace(videos, root=copy)), MediaPipePose(), offline)  # elsewhere, but the same bytes
    with (copy / videos.squats[0].video).open("ab") as file:
        file.write(b"\0\0\0\x08free")
    with pytest.raises(UserError, match="pip download"):
        prepare(Videos(replace(videos, root=copy)), MediaPipePose(), offline)


def test_what_cannot_be_used_is_dropped_named_and_counted(
    videos: LabelledVideos, bundle_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = videos.squats[0]
    [(_, _, person)] = read_frames(videos.root / source.video, [source.bottom])
    empty = np.full_like(person, 128)
    _film(tmp_path / "half.mp4", [person] * 5 + [empty] * 5)
    _film(tmp_path / "empty.mp4", [empty] * 10)
    (tmp_path / "text.mp4").write_text("this is no video\n")
    (tmp_path / "nothing.mp4").touch()
    (tmp_path / "cut.mp4").write_bytes((tmp_path / "half.mp4").read_bytes()[:-500])
    squats = [
        Squat("half.mp4", 0, 0.0, 0.2, 0.4, 1),
        Squat("half.mp4", 1, 0.5, 0.7, 0.9, 0),
        Squat("half.mp4", 2, 5.0, 5.5, 6.0, 0),
        *(
            Squat(f"{name}.mp4", i, i / 2, i / 2 + 0.2, i / 2 + 0.4, 1)
            for name in ("empty", "text", "nothing", "cut", "gone")
            for i in (0, 1)
        ),
    ]
    given = Videos(LabelledVideos(tmp_path, tuple(squats), FrameChoice(each_side=1, step=0.1)))
    folder = _with_bundle(tmp_path, bundle_folder)
    result = prepare(given, MediaPipePose(workers=1), folder)
    assert set(result.table.squat) == {"half.mp4#0"}
    assert result.manifest["frames_dropped"]["nobody found"] == 3 + 6
    dropped = result.manifest["dropped"]
    assert set(dropped) == {squat.id for squat in squats[1:]}
    for name, why in (
        ("half.mp4#1", "0 of 3 frames usable"),
        ("half.mp4#2", "ends at 6.0 s but the video is 1.0 s long"),
        ("empty.mp4#1", "nobody found standing upright"),
        ("text.mp4#0", "is no video"),
        ("nothing.mp4#0", "the file is empty"),
        ("cut.mp4#1", "is cut off or damaged"),
        ("gone.mp4#0", "cannot be read (No such file or directory)"),
    ):
        assert why in dropped[name], name
    out = capsys.readouterr().out
    assert "Dropped squats, 12 of 13: half.mp4#1: 0 of 3 frames usable" in out
    assert "2 of empty.mp4: nobody found" in out and "; and 2 more" in out

    again = prepare(given, MediaPipePose(workers=1), folder)  # found, with what was dropped
    assert again.manifest == json.loads(json.dumps(result.manifest))
    assert "Dropped squats, 12 of 13" in capsys.readouterr().out


def test_a_data_set_with_nothing_left_is_an_error(bundle_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("this is no video\n")
    given = LabelledVideos(tmp_path, (Squat("text.mp4", 0, 0.0, 0.5, 1.0, 1),), FrameChoice())
    folder = _with_bundle(tmp_path, bundle_folder)
    for _ in range(2):  # found out, then remembered
        with pytest.raises(
            UserError, match=r"none of the 1 squats .* text\.mp4#0: is no video; give a video file"
        ) as caught:
            prepare(Videos(given), MediaPipePose(workers=1), folder)
        assert "\n" not in str(caught.value)
    assert not multiprocessing.active_children()


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (signal.SIGKILL, r"was killed \(exit code -9\), perhaps out of memory"),
        (signal.SIGABRT, r"a C library crashed .*\(SIGABRT\); `python src/check\.py` says"),
    ],
)
def test_a_killed_worker_is_one_line(
    kind: signal.Signals, said: str, videos: LabelledVideos, bundle_folder: Path, tmp_path: Path
) -> None:
    def kill() -> None:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and not (children := multiprocessing.active_children()):
            time.sleep(0.01)
        os.kill(children[0].pid or 0, kind)

    killer = threading.Thread(target=kill)
    killer.start()
    with pytest.raises(UserError, match=r"\.mp4: " + f".*{said}") as caught:
        prepare(Videos(videos), MediaPipePose(workers=2), _with_bundle(tmp_path, bundle_folder))
    killer.join()
    assert "\n" not in str(caught.value)
    assert not multiprocessing.active_children()


def test_ctrl_c_ends_at_once_and_the_next_run_goes_on(
    videos: LabelledVideos, bundle_folder: Path, tmp_path: Path
) -> None:
    folder = _with_bundle(tmp_path / "data", bundle_folder)
    longer = replace(videos, frames=FrameChoice(each_side=5))
    script = tmp_path / "script.py"
    script.write_text(_script(longer, folder))
    environment = os.environ | {"PYTHONPATH": str(Path(deepsquat.__file__).parents[1])}
    process = subprocess.Popen(
        [sys.executable, script], env=environment, stderr=subprocess.PIPE, start_new_session=True
    )
    kept = folder / "landmarks" / "videos"
    family: list[psutil.Process] = []
    while process.poll() is None and not list(kept.glob("[!.]*.parquet")):
        family = psutil.Process(process.pid).children(recursive=True) or family
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to every process of the group
    _, err = process.communicate(timeout=30)
    assert process.returncode == -signal.SIGINT
    assert err.count(b"KeyboardInterrupt") == 1, "the workers have nothing to say"
    assert family
    assert not psutil.wait_procs(family, timeout=10)[1]
    assert not _leftovers(folder)
    assert not list((folder / "landmarks").glob("*.parquet"))
    [first] = kept.glob("*.parquet")
    written = first.stat().st_mtime_ns

    result = prepare(Videos(longer), MediaPipePose(workers=2), folder)
    assert set(result.table.squat) == {squat.id for squat in videos.squats}
    assert first.stat().st_mtime_ns == written


def test_workers_end_with_a_parent_that_is_killed_alone(
    videos: LabelledVideos, bundle_folder: Path, tmp_path: Path
) -> None:
    folder = _with_bundle(tmp_path / "data", bundle_folder)
    script = tmp_path / "script.py"
    script.write_text(_script(replace(videos, frames=FrameChoice(each_side=5)), folder))
    environment = os.environ | {"PYTHONPATH": str(Path(deepsquat.__file__).parents[1])}
    process = subprocess.Popen([sys.executable, script], env=environment, stderr=subprocess.DEVNULL)
    while process.poll() is None and not list(folder.rglob("videos/*.parquet")):
        time.sleep(0.05)
    family = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait()
    assert family
    assert not psutil.wait_procs(family, timeout=10)[1]


def test_a_table_goes_through_a_file_unchanged(prepared: Prepared, tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    for table in (prepared.table, prepared.table.rows(np.arange(0))):
        write_columns(path, table)
        back = read_columns(LandmarkTable, path)
        for name, column in vars(table).items():
            np.testing.assert_array_equal(getattr(back, name), column)
            assert getattr(back, name).dtype.kind == column.dtype.kind
        assert back.landmarks.shape == (len(table), 33, 4)


def _flipped(path: Path, seed: int, places: int = 1) -> None:
    """Changes some bytes of a file, which keeps its size."""
    content = bytearray(path.read_bytes())
    for place in random.Random(seed).sample(range(len(content)), places):
        content[place] ^= 1 << seed % 8
    path.write_bytes(content)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("what", ["table", "manifest", "hashes", "poses"])
def test_what_is_damaged_is_said_and_made_again(
    what: str,
    seed: int,
    prepared: Prepared,
    videos: LabelledVideos,
    offline: Path,
    bundle_folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    landmarks = offline / "landmarks"
    table = landmarks / prepared.path.name
    path = {
        "table": table,
        "manifest": table.with_suffix(".json"),
        "hashes": landmarks / "hashes.json",
        "poses": next((landmarks / "videos").iterdir()),
    }[what]
    if what == "poses":
        table.unlink()
        _with_bundle(offline, bundle_folder)
    whole = path.read_bytes()
    _flipped(path, seed, places=1 if seed % 2 else 20)
    again = prepare(Videos(videos), MediaPipePose(workers=1), offline)
    assert again.fingerprint == prepared.fingerprint
    assert again.path.read_bytes() == prepared.path.read_bytes()
    lines = capsys.readouterr().out.splitlines()
    assert len([line for line in lines if "it is made again" in line]) == 1
    assert lines[0].startswith(f"{path}: ")
    if what != "manifest":  # it says how long the making took
        assert path.read_bytes() == whole


@pytest.mark.parametrize("content", ["", "[]", "[" * 10_000, '{"a": 1}', '{"a": [1, 2], "sha256": 3}', "\0"])
def test_a_memory_of_hashes_that_makes_no_sense_is_made_again(
    content: str, prepared: Prepared, videos: LabelledVideos, offline: Path
) -> None:
    path = offline / "landmarks" / "hashes.json"
    whole = path.read_bytes()
    path.write_text(content)
    assert prepare(Videos(videos), MediaPipePose(), offline).fingerprint == prepared.fingerprint
    assert path.read_bytes() == whole


def test_a_source_that_knows_the_landmarks_is_asked_once(
    prepared: Prepared, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = Table(prepared.table)
    made = prepare(source, MediaPipePose(), tmp_path)
    out = capsys.readouterr().out
    assert "Dropped frames: 2 (a#0: a marker is lost)" in out
    assert "Dropped squats, 1 of 7: b#1: the file is empty" in out
    found = prepare(source, MediaPipePose(min_frames=5), tmp_path)
    assert source.made == 1
    assert found.fingerprint == made.fingerprint
    np.testing.assert_array_equal(found.table.landmarks, made.table.landmarks)
