"""Videos that are damaged, cut off, or none at all."""

import os
import resource
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
import pytest

from deepsquat.data.squats import FrameChoice, Squat
from deepsquat.data.videos.file import Exhausted
from deepsquat.data.videos.frames import indexed
from deepsquat.errors import UserError
from films import check_numbers, film, number_in, read_frames
from program import ROOT
from squat_frames import squat_frames


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of 30 frames each."""
    return film(tmp_path_factory.mktemp("clip") / "clip.mp4")


def squat(index: int, start: float, bottom: float, end: float) -> Squat:
    return Squat("clip.mp4", index, start, bottom, end, None)


def test_a_squat_that_cannot_be_read_does_not_stop_the_others(tmp_path: Path) -> None:
    path = film(tmp_path / "clip.mp4")
    with av.open(str(path)) as container:
        packets = [bytes(packet) for packet in container.demux(video=0)]
    data = bytearray(path.read_bytes())
    for packet in packets[20:30]:
        at = data.index(packet)
        data[at : at + len(packet)] = b"\xff" * len(packet)
    path.write_bytes(data)
    squats = [
        squat(0, 0.1, 0.3, 0.5),
        squat(1, 0.5, 0.8, 1.0),
        squat(2, 1.1, 1.5, 1.9),
        squat(3, 1.9, 2.0, 3),
    ]
    lost: dict[int, str] = {}

    def keep(path: Path, squat: Squat, why: str) -> None:
        lost[squat.index] = why

    found = squat_frames(tmp_path, squats, FrameChoice(1, 0.1), keep)
    assert [
        (which.index, number_in(image)) for which, *_, image in list(found) if which.index not in lost
    ] == [
        (0, 6),
        (0, 9),
        (0, 12),
        (2, 42),
        (2, 45),
        (2, 48),
    ]
    assert lost.keys() == {1, 3}
    assert "cannot be decoded; the video is damaged there" in lost[1] and "ends at 3.0 s" in lost[3]


def refusal(path: Path, times: Sequence[float] = (0.5, 1.0, 1.9)) -> str:
    with pytest.raises(UserError) as caught:
        list(read_frames(path, times))
    message = str(caught.value)
    assert message.startswith(f"{path}: ") and len(message.splitlines()) == 1
    return message.removeprefix(f"{path}: ")


def test_what_is_no_video_is_refused(tmp_path: Path, clip: Path) -> None:
    path = tmp_path / "a.mp4"
    assert refusal(path).startswith("cannot be read (No such file")
    assert refusal(tmp_path).startswith("cannot be read (Is a directory")
    path.write_bytes(b"")
    assert refusal(path).startswith("the file is empty")
    path.write_text("This is a letter, not a video.\n" * 100)
    assert refusal(path).startswith("is no video")
    path.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{clip}\n#EXT-X-ENDLIST\n")
    assert refusal(path).startswith("is no video")
    path.write_text(f"ffconcat version 1.0\nfile {clip}\n")
    assert refusal(path).startswith("is no video")


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_an_unreadable_video_is_refused(tmp_path: Path, clip: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(clip.read_bytes())
    path.chmod(0)
    assert refusal(path).startswith("cannot be read (Permission denied)")


def test_want_of_file_handles_is_not_laid_upon_the_video(clip: Path) -> None:
    """Else its squats would be dropped, and remembered as such."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, before[1]))
    try:
        with pytest.raises(Exhausted, match=r"clip\.mp4: cannot be read now \(Too many open files\)"):
            indexed(clip)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_sound_alone_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        sound = container.add_stream("aac", rate=48000, layout="mono")
        tone = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        tone.sample_rate = 48000
        container.mux(sound.encode(tone))
        container.mux(sound.encode())
    assert refusal(path).startswith("there is no picture track in it")


def test_a_cut_off_video_is_refused(tmp_path: Path, clip: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(clip.read_bytes()[:-1000])  # the list of its frames stood at the end
    assert refusal(path).startswith("is cut off or damaged")

    with (
        av.open(str(clip)) as source,
        av.open(str(path), "w", container_options={"movflags": "faststart"}) as copy,
    ):
        stream = copy.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                copy.mux(packet)
    data = path.read_bytes()
    assert data.find(b"moov") < data.find(b"mdat")
    path.write_bytes(data[: data.find(b"mdat") + (len(data) - data.find(b"mdat")) // 2])
    squats = [Squat("a.mp4", 0, 0.1, 0.2, 0.3, None), Squat("a.mp4", 1, 1.5, 1.7, 1.9, None)]
    assert len(list(squat_frames(tmp_path, squats[:1], FrameChoice(each_side=1)))) == 3
    with pytest.raises(UserError, match=r"squat 2 ends at 1\.9 s but the video is \d\.\d s long"):
        list(squat_frames(tmp_path, squats, FrameChoice(each_side=1)))


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi", "a.webm"])
def test_damage_in_the_middle_is_told_where_it_matters(tmp_path: Path, name: str) -> None:
    path = film(tmp_path / name, **({"codec": "libvpx"} if name.endswith("webm") else {}))
    with av.open(str(path)) as container:
        packets = [bytes(packet) for packet in container.demux(video=0)]
    data, at = bytearray(path.read_bytes()), 0
    for position, packet in enumerate(packets):
        at = data.index(packet, at)
        if 20 <= position < 30:  # the third group of ten
            data[at : at + len(packet)] = b"\xff" * len(packet)
        at += len(packet)
    path.write_bytes(data)
    assert [number_in(image) for _, _, image in read_frames(path, [0.1, 0.4])] == [3, 12]
    if not name.endswith("avi"):  # AVI has no timestamps: frames after the damage cannot be numbered
        assert [number_in(image) for _, _, image in read_frames(path, [0.1, 1.8])] == [3, 54]
    assert "s cannot be decoded" in refusal(path, [0.1, 0.8])


def test_an_avi_header_without_a_frame_rate_is_refused(tmp_path: Path) -> None:
    path = film(tmp_path / "a.avi", codec="mpeg4")
    data = bytearray(path.read_bytes())
    rate, period = data.find(b"vids") + 20, data.find(b"avih") + 8
    data[rate : rate + 8] = bytes(8)
    path.write_bytes(data)
    check_numbers(path, 60)  # the time between frames stands in the header as well
    data[period : period + 4] = bytes(4)
    path.write_bytes(data)
    assert refusal(path).startswith("its header gives no frame rate")


def test_a_header_without_a_frame_rate_does_not_matter_where_there_are_timestamps(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mkv")
    data = bytearray(path.read_bytes())
    at = data.find(bytes.fromhex("23e38384"))  # DefaultDuration, four bytes long
    assert at > 0
    data[at : at + 8] = bytes.fromhex("ec86000000000000")  # Void
    path.write_bytes(data)
    check_numbers(path, 60)


def test_damaged_files_never_crash_nor_chatter(tmp_path: Path, clip: Path) -> None:
    """In a process of its own, so that a crash of libav would be seen and its messages counted."""
    script = """
import random, sys
from pathlib import Path
from deepsquat.data.squats import FrameChoice, Squat
from squat_frames import squat_frames
from deepsquat.errors import UserError
squats = [Squat("a.mp4", i, time, time, time + 0.1, None) for i, time in enumerate((0.1, 0.5, 1.7))]
data, path = Path(sys.argv[1]).read_bytes(), Path(sys.argv[2])
for seed in range(60):
    rng, bad = random.Random(seed), bytearray(data)
    for _ in range(rng.choice([1, 5, 30])):
        bad[rng.randrange(len(bad))] = rng.randrange(256)
    path.write_bytes(bad[: rng.randrange(len(bad))] if seed % 3 == 0 else bad)
    try:
        lost = []
        found = list(squat_frames(path.parent, squats, FrameChoice(0), lambda *squat: lost.append(squat)))
        assert len(found) + len(lost) == 3
        print(len(found))
    except UserError:
        print("refused")
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(clip), str(tmp_path / "a.mp4")],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(str(ROOT / name) for name in ("src", "tests"))},
    )
    assert (done.returncode, done.stderr) == (0, "")
    outcomes = done.stdout.split()
    assert len(outcomes) == 60 and {"3", "refused"} <= set(outcomes)
