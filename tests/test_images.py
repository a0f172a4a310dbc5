"""The images of a table, and the one file that carries them elsewhere."""

import random
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from deepsquat.data.arrays import ArrayFile
from deepsquat.errors import UserError
from deepsquat.files import add_checksum
from deepsquat.images import Images, draw_images, load, load_images, save, small_figures, source_name
from deepsquat.landmarks import LandmarkTable
from deepsquat.skeleton import Style

STYLE = Style(height=48, width=27)


@pytest.fixture
def images(table: LandmarkTable) -> Images:
    return draw_images(table, "f" * 64, "videos", STYLE)


@pytest.fixture
def table() -> LandmarkTable:
    n = 6
    rng = np.random.default_rng(0)
    return LandmarkTable(
        squat=np.repeat(["a.mp4#0", "b.mp4#0"], 3),
        video=np.repeat(["a.mp4", "b.mp4"], 3),
        subject=np.repeat(["anna", ""], 3),
        faults=np.repeat(["", "knees in+too shallow"], 3),
        label=np.repeat(np.array([1, -1], np.int8), 3),
        frame=np.arange(n, dtype=np.int32),
        time=np.arange(n) / 30,
        offset=np.zeros(n),
        aspect=np.full(n, 9 / 16, np.float32),
        landmarks=rng.uniform(0.2, 0.8, (n, 33, 4)).astype(np.float32),
    )


def test_images_that_no_memory_holds_are_refused_before_they_are_drawn(
    table: LandmarkTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deepsquat.images.memory", lambda: 6 * 48 * 27 * 3 - 1)
    with pytest.raises(UserError, match=r"skeleton: 6 images of 48 x 27 pixels take .* GiB"):
        draw_images(table, "", "videos", STYLE)


def test_figures_that_are_too_small_to_tell_form_are_warned_of(table: LandmarkTable) -> None:
    def said(landmarks: np.ndarray, framing: str) -> str:
        style = replace(STYLE, framing=framing)
        drawn = draw_images(replace(table, landmarks=landmarks), "", "videos", style)
        return small_figures(drawn, style)

    far = table.landmarks.copy()
    far[..., :2] = 0.4 + far[..., :2] / 5
    assert said(table.landmarks, "image") == ""
    assert said(far, "image").startswith(
        "in 2 of 2 squats the figure is less than 12 of 48 pixels high, half of "
    )
    assert said(far, "person") == ""
    far[:3] = table.landmarks[:3]  # one of two is large enough
    assert said(far, "image") == ""


def test_every_frame_is_drawn_with_what_is_known_of_it(images: Images) -> None:
    assert images.images.shape == (6, 48, 27, 3) and images.images.dtype == np.uint8
    assert images.images.reshape(6, -1).any(axis=1).all()
    assert images.label.tolist() == [1, 1, 1, -1, -1, -1]
    assert str(images.faults[3]) == "knees in+too shallow"
    assert "height 48, width 27" in str(images.drawn_as)


def test_a_file_brings_them_back_and_numpy_alone_reads_it(images: Images, tmp_path: Path) -> None:
    path = tmp_path / "squats.npz"
    save(path, images)
    back = load(path)
    with np.load(path, allow_pickle=False) as plain:
        for field in fields(Images):
            for found in (getattr(back, field.name), plain[field.name]):
                np.testing.assert_array_equal(found, getattr(images, field.name))
    source = ArrayFile(str(path))
    assert source_name(source) == "arrays"
    assert load_images(source, None, STYLE, tmp_path).fingerprint == images.fingerprint
    with pytest.raises(UserError, match=r"holds other images: height 48, .*; asked for: height 64"):
        load_images(source, None, replace(STYLE, height=64), tmp_path)


def test_damage_anywhere_in_the_file_is_one_line(images: Images, tmp_path: Path) -> None:
    path = tmp_path / "squats.npz"
    save(path, images)
    whole = path.read_bytes()
    rng = random.Random(0)
    damaged = [b"", b"PK", whole[: len(whole) // 2], whole[:-1]]
    for _ in range(40):
        content = bytearray(whole)
        content[rng.randrange(len(whole))] ^= 1 << rng.randrange(8)
        damaged.append(bytes(content))
    for content in damaged:
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"squats\.npz: .*write it again with src/prepare") as caught:
            load(path)
        assert "\n" not in str(caught.value)


def test_other_files_are_refused(tmp_path: Path) -> None:
    from deepsquat.files import add_checksum

    with pytest.raises(UserError, match="there is no such file"):
        load(tmp_path / "none.npz")
    other = tmp_path / "other.npz"
    np.savez(other, images=np.zeros(3))
    with pytest.raises(UserError, match="its checksum does not fit"):
        load(other)
    add_checksum(other)
    with pytest.raises(UserError, match="not a file of prepared images"):
        load(other)


def test_a_file_of_an_earlier_version_has_no_references_and_no_landmarks(
    images: Images, tmp_path: Path
) -> None:
    path = tmp_path / "old.npz"
    known = {field.name: getattr(images, field.name) for field in fields(Images)}
    for name in ("reference", "landmarks", "aspect"):
        del known[name]
    np.savez_compressed(path, **known)
    add_checksum(path)
    old = load(path)
    assert not old.reference.any() and np.isnan(old.landmarks).all() and len(old.aspect) == 6
