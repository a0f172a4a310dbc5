import hashlib
import zipfile
from pathlib import Path

import pytest

from deepsquat.errors import UserError
from deepsquat.pose.landmarkers import Landmarkers
from deepsquat.pose.model_bundle import NAME, SHA256, pose_bundle

MEMBERS = ("pose_detector.tflite", "pose_landmarks_detector.tflite")


def _zip(path: Path, members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_the_bundle_made_from_the_wheel_has_the_pinned_hash_and_holds_both_networks(
    bundle_folder: Path,
) -> None:
    bundle = pose_bundle(bundle_folder / "models", None)
    assert bundle == bundle_folder / "models" / NAME
    assert hashlib.sha256(bundle.read_bytes()).hexdigest() == SHA256
    with zipfile.ZipFile(bundle) as archive:
        assert tuple(archive.namelist()) == MEMBERS


def test_a_bundle_of_ones_own_is_taken_as_it_is(bundle_folder: Path, tmp_path: Path) -> None:
    own = tmp_path / "mine.task"
    own.write_bytes((bundle_folder / "models" / NAME).read_bytes())
    assert pose_bundle(tmp_path / "never made", own) == own
    assert not (tmp_path / "never made").exists()


def test_what_is_no_bundle_is_refused_in_one_line(tmp_path: Path) -> None:
    model = b"\x1c\0\0\0TFL3" + bytes(100)
    text = tmp_path / "text.task"
    text.write_text("no zip\n")
    cases = {
        tmp_path / "missing.task": "cannot be read",
        tmp_path / "missing.whl": "cannot be read",
        _zip(tmp_path / "other.whl", {"mediapipe/__init__.py": b""}): "its sha256 is",
        tmp_path: "cannot be read",
        text: "not a readable bundle",
        _zip(tmp_path / "half.task", {MEMBERS[0]: model}): MEMBERS[1],
        _zip(tmp_path / "small.task", dict.fromkeys(MEMBERS, model), zipfile.ZIP_DEFLATED): "compressed",
        _zip(tmp_path / "other.task", dict.fromkeys(MEMBERS, b"something else")): "no TFLite model",
    }
    for own, said in cases.items():
        with pytest.raises(UserError, match=said) as caught:
            pose_bundle(tmp_path, own)
        assert str(caught.value).startswith(f"pose.bundle={own}: ")
        assert "\n" not in str(caught.value)


def test_networks_that_mediapipe_cannot_load_are_refused_in_one_line(tmp_path: Path) -> None:
    own = _zip(tmp_path / "hollow.task", dict.fromkeys(MEMBERS, b"\x1c\0\0\0TFL3" + bytes(100)))
    with pytest.raises(UserError, match=r"hollow\.task: MediaPipe cannot load") as caught:
        Landmarkers(pose_bundle(tmp_path, own))
    assert "\n" not in str(caught.value)


def test_a_wrong_hash_is_refused_and_the_file_left_alone(bundle_folder: Path, tmp_path: Path) -> None:
    damaged = bytearray((bundle_folder / "models" / NAME).read_bytes())
    damaged[5_000_000] ^= 1
    bundle = tmp_path / NAME
    bundle.write_bytes(damaged)
    with pytest.raises(UserError, match=rf"{NAME}: its sha256 is .* should be {SHA256}; delete the file"):
        pose_bundle(tmp_path, None)
    assert bundle.read_bytes() == damaged


def test_without_a_network_one_line_says_what_was_tried_and_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(UserError, match=r"pip download mediapipe==0\.10\.21.*pose\.bundle=PATH") as caught:
        pose_bundle(tmp_path / "models", None)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "models").exists()
