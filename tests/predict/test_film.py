"""The annotated video plays: every frame, upright, in its time, with the sound."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from deepsquat.data.videos.ahead import ahead
from deepsquat.errors import UserError
from deepsquat.landmarks import INDEX
from deepsquat.predict import film as films
from deepsquat.predict.captions import Caption
from deepsquat.predict.faces import head
from deepsquat.predict.film import SHORTEST
from deepsquat.predict.poses import Poses, Wish
from films import film

CAPTIONS = (
    Caption(0.0, "Squats so far: 0 of 1"),
    Caption(1.0, "Squat 1 of 1: not good", ("the hips stay too high",), (170, 40, 32), ("thigh",)),
)


def body(x: float) -> np.ndarray:
    """(33, 4): upright, at x of the picture's width."""
    pose = np.zeros((33, 4), np.float32)
    pose[:, 0], pose[:, 3] = x, 1
    for name, y in (("shoulder", 0.3), ("hip", 0.55), ("knee", 0.7), ("ankle", 0.9), ("elbow", 0.45)):
        for side, way in (("left", 0.04), ("right", -0.04)):
            pose[INDEX[f"{side}_{name}"], :2] = x + way, y
    pose[:11, 1] = 0.2
    for name in ("heel", "foot_index", "wrist"):
        for side in ("left", "right"):
            pose[INDEX[f"{side}_{name}"], 1] = 0.92 if name != "wrist" else 0.5
    return pose


def poses(every: int = 3, frames: int = 60, aspect: float = 0.6) -> Poses:
    """The body goes from a quarter of the width on, to three quarters in two seconds."""
    numbers = np.arange(0, frames, every)
    n = len(numbers)
    return Poses(
        numbers.astype(np.int32),
        numbers / 30,
        np.array([body(0.25 + 0.5 * number / 60) for number in numbers]).reshape(-1, 33, 4),
        np.full(n, ""),
        np.full(n, aspect, np.float32),
        np.ones(n, np.int32),
        np.ones(n, np.int32),
    )


def still(path: Path, picture: np.ndarray, frames: int, pixel: int = 1) -> Path:
    """A video of one picture. pixel: width over height of a stored pixel."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30, options={"crf": "10"})
        stream.height, stream.width = picture.shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(pixel)
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def written(path: Path, out: Path, captions=CAPTIONS, find=None, kept=(), seen: Poses | None = None):
    wish = Wish(tuple(captions), tuple(kept), 480, find is not None)
    ticks: list[int] = []
    pictures = films.write(out, path, seen or poses(), wish, find, lambda n: lambda: ticks.append(n))
    return pictures, ticks


def frames_of(path: Path) -> tuple[list[float], list[np.ndarray], list[str]]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        found = [(frame.time, frame.to_ndarray(format="rgb24")) for frame in container.decode(stream)]
        stream_says = (stream.codec_context.name, stream.codec_context.pix_fmt, stream.sample_aspect_ratio)
        assert stream_says[:2] == ("h264", "yuv420p") and stream_says[2] in (None, 0, 1)
        assert not found or stream.codec_context.width % 2 == 0 == stream.codec_context.height % 2
        sound = [track.codec_context.name for track in container.streams.audio]
    return [time for time, _ in found], [picture for _, picture in found], sound


def test_every_frame_is_there_in_its_time_with_the_sound(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", 60, audio=True)
    pictures, ticks = written(path, tmp_path / "out.mp4", kept=(4, 31))
    times, shown, sound = frames_of(tmp_path / "out.mp4")
    assert times == pytest.approx([number / 30 for number in range(60)], abs=2e-3)
    assert sound == ["aac"] and ticks == [60] * 60
    assert sorted(pictures) == [4, 31] and pictures[4].shape == (480, 288, 3)
    height, width = shown[0].shape[:2]
    assert max(width, height) >= SHORTEST  # 96 x 160 would be too small to be written on
    with av.open(str(tmp_path / "out.mp4")) as container:
        seconds = sum(frame.samples for frame in container.decode(audio=0)) / 48000
    assert seconds == pytest.approx(60 * 1024 / 48000, abs=0.1)


def test_a_turned_video_is_upright(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", 10, size=(160, 96), rotation=90)
    written(path, tmp_path / "out.mp4", captions=CAPTIONS[:1], seen=poses(frames=0))
    _, shown, _ = frames_of(tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert next(container.decode(video=0)).rotation == 0
    below = shown[0][-SHORTEST:]
    assert below.shape[0] > below.shape[1]


def test_pixels_are_square(tmp_path: Path) -> None:
    path = still(tmp_path / "a.mp4", np.full((320, 320, 3), 90, np.uint8), 3, pixel=2)
    written(path, tmp_path / "out.mp4", captions=CAPTIONS[:1])
    _, shown, _ = frames_of(tmp_path / "out.mp4")
    assert shown[0].shape[1] == 640 and 320 < len(shown[0]) < 500


def test_what_is_said_changes_in_time_and_the_band_is_above_the_picture(tmp_path: Path) -> None:
    written(film(tmp_path / "a.mp4", 60), tmp_path / "out.mp4")
    _, shown, _ = frames_of(tmp_path / "out.mp4")
    corner = np.array([picture[2, -3] for picture in shown]).astype(int)
    assert np.abs(corner[:29] - (38, 38, 42)).max() < 12
    assert np.abs(corner[31:] - (170, 40, 32)).max() < 14
    assert len(shown[0]) > SHORTEST


def test_between_two_poses_the_skeleton_goes_on(tmp_path: Path) -> None:
    path = still(tmp_path / "a.mp4", np.full((640, 384, 3), 128, np.uint8), 60)
    written(path, tmp_path / "out.mp4", seen=poses(every=6), captions=[replace(CAPTIONS[1], begin=0.0)])
    _, shown, _ = frames_of(tmp_path / "out.mp4")

    def thighs(picture: np.ndarray) -> float:
        """Where the parts at fault are, as a share of the width."""
        below = picture[-SHORTEST:].astype(int)
        red = (below[..., 0] > 180) & (below[..., 1] < 110)
        return float(np.nonzero(red[int(0.58 * SHORTEST) : int(0.68 * SHORTEST)])[1].mean()) / below.shape[1]

    places = [thighs(picture) for picture in shown[:55]]
    assert places == pytest.approx([0.25 + 0.5 * number / 60 for number in range(55)], abs=0.012)


def test_other_sound_is_encoded_anew(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 64, 96, "yuv420p"
        sound = container.add_stream("pcm_s16le", rate=44100)
        sound.codec_context.layout = "stereo"
        for number in range(30):
            frame = av.VideoFrame.from_ndarray(np.full((96, 64, 3), 90, np.uint8), format="rgb24")
            frame.pts = number
            container.mux(stream.encode(frame))
            tone = av.AudioFrame.from_ndarray(
                np.zeros((1, 2 * 1470), np.int16), format="s16", layout="stereo"
            )
            tone.sample_rate, tone.pts, tone.time_base = 44100, 1470 * number, Fraction(1, 44100)
            container.mux(sound.encode(tone))
        container.mux(stream.encode())
    written(path, tmp_path / "out.mp4", seen=poses(frames=0))
    times, _, sounds = frames_of(tmp_path / "out.mp4")
    assert len(times) == 30 and sounds == ["aac"]


def test_frames_of_any_distance_keep_theirs(tmp_path: Path) -> None:
    stamps = [0, 20, 100, 130, 400, 420, 1500]
    written(film(tmp_path / "a.mp4", 7, milliseconds=stamps), tmp_path / "out.mp4")
    times, _, _ = frames_of(tmp_path / "out.mp4")
    assert times == pytest.approx([stamp / 1000 for stamp in stamps], abs=2e-3)


def test_faces_are_hidden_in_every_frame_and_in_the_pictures(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (320, 192, 3), np.uint8)
    path = still(tmp_path / "a.mp4", noise, 20)
    seen = poses(frames=20)
    pictures, _ = written(path, tmp_path / "out.mp4", find=lambda picture: [], kept=(7,), seen=seen)
    _, shown, _ = frames_of(tmp_path / "out.mp4")
    one = films.pictures(path, seen, Wish((), (7,), 480, True), lambda picture: [])
    for number, picture in [*enumerate(shown), (7, pictures[7]), (7, one[7])]:
        below = picture[-(SHORTEST if len(picture) > 480 else 480) :]
        x, y, radius = head(body(0.25 + 0.5 * number / 60), 0.6)
        size = len(below)
        inside = below[int((y - radius / 2) * size) : int(y * size), int((x - 0.02) * size) : int(x * size)]
        assert np.abs(np.diff(inside.astype(int), axis=0)).mean() < 6, number
        assert np.abs(np.diff(below[-60:].astype(int), axis=0)).mean() > 8  # of the noise


def test_what_is_made_ahead_comes_in_order_and_its_error_in_its_place() -> None:
    def items():
        yield from range(50)
        raise UserError("no more")

    found = []
    with pytest.raises(UserError, match="no more"):
        for item in ahead(items(), 2):
            found.append(item)  # noqa: PERF402
    assert found == list(range(50))
    some = ahead(iter(range(10**9)), 2)
    assert [next(some), next(some)] == [0, 1]
    some.close()  # type: ignore[attr-defined]


def test_a_picture_that_changes_its_size_is_made_to_fit(tmp_path: Path, monkeypatch) -> None:
    path = film(tmp_path / "a.mp4", 3)
    sizes = iter([(200, 100), (100, 200), (50, 70)])

    def other(*_):
        return ((number, np.full((*next(sizes), 3), 90, np.uint8)) for number in range(3))

    monkeypatch.setattr(films, "decoded", other)
    written(path, tmp_path / "out.mp4", captions=CAPTIONS[:1])
    assert len(frames_of(tmp_path / "out.mp4")[0]) == 3
