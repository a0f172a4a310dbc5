import os
import resource
import subprocess
import sys
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from deepsquat.data.squats import FrameChoice, Squat
from deepsquat.data.videos import frames as video
from deepsquat.data.videos.file import Exhausted
from deepsquat.data.videos.frames import decoded, indexed, squat_frames
from deepsquat.errors import UserError
from films import read_frames

MS = Fraction(1, 1000)


def picture(number: int, width: int, height: int) -> np.ndarray:
    """(H, W, 3): no two corners alike; the frame's number stands in eight bars across the top."""
    image = np.zeros((height, width, 3), np.uint8)
    image[height // 2 :, : width // 2] = (200, 0, 0)
    image[height // 2 :, width // 2 :] = (0, 0, 200)
    for bit in range(8):
        image[: height // 4, bit * width // 8 : (bit + 1) * width // 8] = 255 * (number >> bit & 1)
    return image


def number_in(image: np.ndarray) -> int:
    height, width = image.shape[:2]
    bars = [image[height // 8, (2 * bit + 1) * width // 16].mean() > 127 for bit in range(8)]
    return sum(1 << bit for bit, on in enumerate(bars) if on)


def film(
    path: Path,
    frames: int = 60,
    *,
    rate: int = 30,
    size: tuple[int, int] = (96, 160),
    codec: str = "libx264",
    pixels: str = "yuv420p",
    keyframe_every: int = 10,
    rotation: int = 0,
    milliseconds: Sequence[int] | None = None,
    options: dict[str, str] | None = None,
    audio: bool = False,
    cover: bool = False,
) -> Path:
    """A video whose frames bear their numbers; B-frames where the codec has them."""
    with av.open(str(path), "w") as container:
        if cover:  # before the video, so that it is the first of the streams
            art = container.add_stream("mjpeg", rate=1)
            art.width, art.height, art.pix_fmt = 32, 32, "yuvj420p"
            art.disposition = av.stream.Disposition.attached_pic
        stream = container.add_stream(codec, rate=rate)
        stream.width, stream.height = size
        stream.pix_fmt = pixels
        stream.gop_size = keyframe_every
        stream.options = options or {}
        if rotation:
            stream.set_display_rotation(rotation)
        if milliseconds is not None:
            stream.codec_context.time_base = MS
        if audio:
            sound = container.add_stream("aac", rate=48000)
            tone = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            tone.sample_rate = 48000
            sound.codec_context.layout = "mono"
        if cover:
            frame = av.VideoFrame.from_ndarray(np.full((32, 32, 3), 90, np.uint8), format="rgb24")
            container.mux(art.encode(frame))
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(picture(number, *size), format="rgb24")
            frame.pts = number
            if milliseconds is not None:
                frame.pts, frame.time_base = milliseconds[number], MS
            container.mux(stream.encode(frame))
            if audio:
                tone.pts = 1024 * number
                container.mux(sound.encode(tone))
        container.mux(stream.encode())
        if audio:
            container.mux(sound.encode())
    return path


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of 30 frames each."""
    return film(tmp_path_factory.mktemp("clip") / "clip.mp4")


def check_numbers(path: Path, count: int, rate: float = 30.0) -> None:
    """All frames, single ones and scattered ones come with the right number, time and picture."""
    assert len(indexed(path).times) == count
    for wanted in (range(count), [count // 2], [count - 1], [1, 17, 18, count - 3], [9, 10, 11]):
        found = list(read_frames(path, [number / rate for number in wanted]))
        assert [number for number, _, _ in found] == list(wanted)
        assert [number_in(image) for _, _, image in found] == list(wanted)
        assert [time for _, time, _ in found] == pytest.approx([n / rate for n in wanted], abs=6e-4)


OPEN_GOP = "open-gop=1:keyint=10:min-keyint=10:bframes=3:scenecut=0"
FORMATS: dict[str, dict] = {
    "b_frames.mp4": {},
    "phone.mov": {"audio": True},
    "recorder.mkv": {},
    "camera.ts": {},  # begins at 0.07 s
    "h264.avi": {},  # its packets' timestamps are not those of its frames
    "mpeg4.avi": {"codec": "mpeg4", "options": {"bf": "2"}},
    "browser.webm": {"codec": "libvpx"},
    "vp9.webm": {"codec": "libvpx-vp9", "options": {"deadline": "realtime", "cpu-used": "8"}},
    "hdr.mp4": {
        "codec": "libx265",
        "pixels": "yuv420p10le",
        "options": {
            "x265-params": "log-level=none:colorprim=bt2020:transfer=arib-std-b67:colormatrix=bt2020nc"
        },
    },
    "open_gop.mp4": {"options": {"x264-params": OPEN_GOP}},
    "open_gop.ts": {"options": {"x264-params": OPEN_GOP}},
    "open_gop_hevc.mkv": {"codec": "libx265", "options": {"x265-params": f"log-level=none:{OPEN_GOP}"}},
    "no_keyframes.mp4": {"options": {"x264-params": "intra-refresh=1:keyint=20"}},
    "only_keyframes.mov": {"codec": "mjpeg", "pixels": "yuvj420p"},
    "cover.mp4": {"cover": True},
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_right_frames(tmp_path: Path, name: str) -> None:
    path = film(tmp_path / name, **FORMATS[name])
    check_numbers(path, 60)
    assert indexed(path).duration == pytest.approx(2.0, abs=2e-3)


@pytest.mark.parametrize("rate", [5, 25, 240])
def test_any_frame_rate(tmp_path: Path, rate: int) -> None:
    path = film(tmp_path / "a.mp4", rate=rate)
    check_numbers(path, 60, rate)
    assert indexed(path).duration == pytest.approx(60 / rate)


def test_a_variable_frame_rate_goes_by_timestamps(tmp_path: Path) -> None:
    times = [500, 533, 700, 740, 1500, 1501, 2000, 2033]  # the first shown frame is second 0
    path = film(tmp_path / "a.mkv", 8, milliseconds=times)
    found = list(read_frames(path, [0.99, 0.0, 0.21, 0.2, 0.62, 0.63]))
    assert [(number, number_in(image)) for number, _, image in found] == [(0, 0), (2, 2), (3, 3), (4, 4)]
    assert [time for _, time, _ in found] == pytest.approx([0.0, 0.2, 0.24, 1.0])


def test_a_frame_near_to_two_times_comes_once(clip: Path) -> None:
    assert [number for number, _, _ in read_frames(clip, [1.01, 0.99, 1.0, 99.0])] == [30, 59]


def test_one_frame_is_a_video(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", 1)
    assert [(n, time) for n, time, _ in read_frames(path, [0.0, 5.0])] == [(0, 0.0)]


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_pictures_are_upright(tmp_path: Path, rotation: int) -> None:
    path = film(tmp_path / "a.mp4", 3, rotation=rotation)
    reader = cv2.VideoCapture(str(path))  # OpenCV turns pictures by the metadata
    expected = cv2.cvtColor(reader.read()[1], cv2.COLOR_BGR2RGB)
    ((_, _, image),) = read_frames(path, [0.0])
    assert image.flags.c_contiguous and image.dtype == np.uint8
    assert image.shape == expected.shape
    assert np.abs(image.astype(int) - expected).max() <= 2


@pytest.mark.parametrize("size", [(607, 1079), (161, 91), (96, 160)])
def test_odd_sizes_have_no_padding(tmp_path: Path, size: tuple[int, int]) -> None:
    path = film(tmp_path / "a.mkv", 2, size=size, codec="ffv1", pixels="yuv444p")
    ((_, _, image),) = read_frames(path, [0.04])
    assert image.shape == (size[1], size[0], 3) and image.flags.c_contiguous
    assert np.abs(image.astype(int) - picture(1, *size)).max() <= 4


def test_only_what_is_wanted_is_decoded_and_converted(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stamps: list[int] = []
    frames_of = video._frames

    def counting(path: Path, codec: object, packet: object) -> list:
        frames = frames_of(path, codec, packet)
        stamps.extend(frame.pts for frame in frames)
        return frames

    index = indexed(clip)
    monkeypatch.setattr(video, "_frames", counting)
    assert [number for number, _ in decoded(clip, index, [33, 51])] == [33, 51]
    assert len(stamps) <= 20  # two groups of ten out of six


def test_frames_outside_an_edit_list_do_not_count(tmp_path: Path, clip: Path) -> None:
    """A phone's trim leaves the packets in the file and says in an edit list where showing begins."""
    data = bytearray(clip.read_bytes())
    at = data.find(b"elst")
    assert data[at + 4] == 0 and int.from_bytes(data[at + 8 : at + 12]) == 1
    media_time = int.from_bytes(data[at + 16 : at + 20])
    data[at + 16 : at + 20] = (media_time + 13 * 512).to_bytes(4)  # 13 frames of 1/30 s in units of 1/15360 s
    path = tmp_path / "a.mp4"
    path.write_bytes(data)
    found = list(read_frames(path, [0.0, 10 / 30]))
    assert [(number, number_in(image)) for number, _, image in found] == [(0, 13), (10, 23)]


def test_hidden_vp8_frames_do_not_count(tmp_path: Path) -> None:
    plain, hidden = film(tmp_path / "a.webm", 20, codec="libvpx"), tmp_path / "b.webm"
    with av.open(str(plain)) as source, av.open(str(hidden), "w") as copy:
        stream = copy.add_stream_from_template(source.streams.video[0])
        for position, packet in enumerate(p for p in source.demux(video=0) if p.size):
            data = bytearray(bytes(packet))
            if position == 7:
                data[0] &= 0b11101111  # the bit that says: show it
            new = av.Packet(bytes(data))
            new.pts, new.dts, new.time_base = packet.pts, packet.dts, packet.time_base
            new.is_keyframe, new.stream = packet.is_keyframe, stream
            copy.mux(new)
    found = [number_in(image) for _, _, image in read_frames(hidden, [n / 30 for n in range(20)])]
    assert found == [n for n in range(20) if n != 7]


def squat(index: int, start: float, bottom: float, end: float) -> Squat:
    return Squat("clip.mp4", index, start, bottom, end, None)


def test_the_frames_of_squats_come_with_their_offsets(clip: Path) -> None:
    squats = [squat(0, 0.0, 0.51, 1.0), squat(1, 1.0, 1.0, 1.5)]
    found = list(squat_frames(clip.parent, squats, FrameChoice(each_side=2, step=0.25)))
    assert [(which.index, number) for which, number, _, _, _ in found] == [
        (0, 0),
        (0, 8),
        (0, 15),
        (0, 23),
        (1, 30),
        (1, 37),
        (1, 45),
    ]
    for which, number, time, offset, image in found:
        assert number_in(image) == number
        assert time == pytest.approx(number / 30)
        assert offset == pytest.approx((number - (15, 30)[which.index]) / 30)
    assert list(squat_frames(clip.parent, [], FrameChoice())) == []


def test_two_squats_may_share_a_frame(clip: Path) -> None:
    squats = [squat(0, 0.5, 0.9, 1.0), squat(1, 1.0, 1.1, 1.5)]
    found = squat_frames(clip.parent, squats, FrameChoice(each_side=1, step=0.1))
    assert [(which.index, number) for which, number, *_ in found if number == 30] == [(0, 30), (1, 30)]


def test_a_squat_may_end_a_frame_after_the_video_but_no_later(clip: Path) -> None:
    assert len(list(squat_frames(clip.parent, [squat(0, 1.0, 1.5, 2.03)], FrameChoice()))) == 11
    with pytest.raises(UserError, match=r"squat 3 ends at 12\.4 s but the video is 2\.0 s long"):
        list(squat_frames(clip.parent, [squat(2, 1.0, 1.5, 12.4)], FrameChoice()))


def test_frames_that_are_gone_are_not_replaced_by_far_ones(tmp_path: Path) -> None:
    film(tmp_path / "clip.mp4", 20, milliseconds=[*range(0, 500, 50), *range(1500, 2000, 50)])
    early, late = squat(0, 0.0, 0.2, 0.6), squat(1, 0.6, 1.0, 1.9)
    choice = FrameChoice(each_side=1, step=0.05)
    assert [number for _, number, *_ in squat_frames(tmp_path, [early], choice)] == [3, 4, 5]
    with pytest.raises(UserError, match=r"squat 2 has no frame near 0\.95 s; the video is damaged"):
        list(squat_frames(tmp_path, [early, late], choice))


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
from deepsquat.data.videos.frames import squat_frames
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
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3] / "src")},
    )
    assert (done.returncode, done.stderr) == (0, "")
    outcomes = done.stdout.split()
    assert len(outcomes) == 60 and {"3", "refused"} <= set(outcomes)
