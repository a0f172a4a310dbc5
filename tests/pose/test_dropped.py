"""What cannot be used is left out and said; what is damaged is made again."""

import json
import multiprocessing
import random
from pathlib import Path

import av
import numpy as np
import pytest

from deepsquat.data.squats import FrameChoice, LabelledVideos, Squat
from deepsquat.errors import UserError
from deepsquat.landmarks import LandmarkTable
from deepsquat.pose.mediapipe import MediaPipePose
from deepsquat.pose.storage import read_columns, write_columns
from deepsquat.pose.table import Prepared, prepare
from films import read_frames
from poses import Videos, with_bundle


def _film(path: Path, pictures: list[np.ndarray], rate: int = 10) -> None:
    with av.open(str(path), "w") as container:
        height, width, _ = pictures[0].shape
        stream = container.add_stream("libx264", rate=rate)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


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
    folder = with_bundle(tmp_path, bundle_folder)
    result = prepare(given, MediaPipePose(workers=1), folder)
    assert set(result.table.squat) == {"half.mp4#0"}
    assert result.manifest["frames_dropped"]["nobody found"] == 3 + 6
    dropped = result.manifest["dropped"]
    assert set(dropped) == {squat.id for squat in squats[1:]}
    for name, why in (
        ("half.mp4#1", "nobody found standing upright at its time"),
        ("half.mp4#2", "ends at 6.0 s but the video is 1.0 s long"),
        ("empty.mp4#1", "nobody found standing upright"),
        ("text.mp4#0", "is no video"),
        ("nothing.mp4#0", "the file is empty"),
        ("cut.mp4#1", "is cut off or damaged"),
        ("gone.mp4#0", "cannot be read (No such file or directory)"),
    ):
        assert why in dropped[name], name
    assert result.manifest["of_squats"]["half.mp4#0"] == {
        "wanted": 3,
        "frames": 3,
        "repaired": 0,
        "persons": 1,
    }
    assert result.manifest["of_squats"]["half.mp4#1"]["nobody found"] == 3
    out = capsys.readouterr().out
    assert "Dropped squats, 12 of 13: half.mp4#1: nobody found standing" in out
    assert "2 of empty.mp4: nobody found" in out and "; and 2 more" in out

    again = prepare(given, MediaPipePose(workers=1), folder)  # found, with what was dropped
    assert again.manifest == json.loads(json.dumps(result.manifest))
    assert "Dropped squats, 12 of 13" in capsys.readouterr().out


def test_a_data_set_with_nothing_left_is_an_error(bundle_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("this is no video\n")
    given = LabelledVideos(tmp_path, (Squat("text.mp4", 0, 0.0, 0.5, 1.0, 1),), FrameChoice())
    folder = with_bundle(tmp_path, bundle_folder)
    for _ in range(2):  # found out, then remembered
        with pytest.raises(
            UserError, match=r"none of the 1 squats .* text\.mp4#0: is no video; give a video file"
        ) as caught:
            prepare(Videos(given), MediaPipePose(workers=1), folder)
        assert "\n" not in str(caught.value)
    assert not multiprocessing.active_children()


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
        "poses": next((landmarks / "spans").iterdir()),
    }[what]
    if what == "poses":
        table.unlink()
        with_bundle(offline, bundle_folder)
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
