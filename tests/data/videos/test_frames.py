from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from deepsquat.data.squats import FrameChoice, Squat
from deepsquat.data.videos import frames as video
from deepsquat.data.videos.frames import decoded, indexed
from deepsquat.errors import UserError
from films import check_numbers, film, number_in, picture, read_frames
from squat_frames import squat_frames


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of 30 frames each."""
    return film(tmp_path_factory.mktemp("clip") / "clip.mp4")


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


def test_pictures_are_mirrored_as_the_file_says(tmp_path: Path) -> None:
    ((_, _, plain),) = read_frames(film(tmp_path / "a.mp4", 3), [0.0])
    rows, columns = np.indices(plain.shape[:2])
    for x in [(1, 0), (-1, 0), (0, 1), (0, -1)]:
        for y in [x[::-1], (-x[1], -x[0])]:  # turned, and turned and mirrored
            path = film(tmp_path / "b.mp4", 3, matrix=(*x, *y))
            ((_, _, image),) = read_frames(path, [0.0])
            right, down = (x[i] * columns + y[i] * rows for i in (0, 1))
            shown = np.zeros_like(image)
            shown[down - down.min(), right - right.min()] = plain
            assert np.abs(image.astype(int) - shown).max() <= 2, (x, y)


@pytest.mark.parametrize(("pixel", "size"), [("4/3", (128, 160)), ("3/4", (96, 213)), ("1", (96, 160))])
@pytest.mark.parametrize("rotation", [0, 90])
def test_pixels_that_are_not_square_are_made_square(
    tmp_path: Path, pixel: str, size: tuple[int, int], rotation: int
) -> None:
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 96, 160, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(pixel)
        if rotation:
            stream.set_display_rotation(rotation)
        container.mux(stream.encode(av.VideoFrame.from_ndarray(picture(5, 96, 160), format="rgb24")))
        container.mux(stream.encode())
    ((_, _, image),) = read_frames(path, [0.0])
    assert image.shape[:2] == (size if rotation else size[::-1])
    if not rotation:
        assert number_in(image) == 5


def test_a_large_picture_is_made_smaller_where_asked(clip: Path) -> None:
    for longest, size in ((80, (80, 48)), (160, (160, 96)), (None, (160, 96))):
        [(_, image)] = decoded(clip, indexed(clip), [7], longest)
        assert image is not None and image.shape[:2] == size and number_in(image) == 7


@pytest.mark.parametrize("marked", [False, True])
def test_of_several_picture_tracks_the_one_that_players_show_is_read(tmp_path: Path, marked: bool) -> None:
    path = tmp_path / "a.mkv"
    sizes = [(96, 160), (48, 80)] if marked else [(48, 80), (96, 160)]
    with av.open(str(path), "w") as container:
        streams = [container.add_stream("libx264", rate=30) for _ in sizes]
        for stream, (width, height) in zip(streams, sizes, strict=True):
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            stream.disposition = av.stream.Disposition.default
        if marked:
            streams[0].disposition = av.stream.Disposition(0)
        for stream, size in zip(streams, sizes, strict=True):
            frame = av.VideoFrame.from_ndarray(picture(9, *size), format="rgb24")
            container.mux([*stream.encode(frame), *stream.encode()])
    ((_, _, image),) = read_frames(path, [0.0])
    assert image.shape[:2] == sizes[1][::-1]


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
