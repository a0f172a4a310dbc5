"""What is refused before a cluster gets work, and by a worker before it takes some. No Dask is needed."""

import hashlib
from pathlib import Path

import pytest

from deepsquat.data.squats import LabelledVideos
from deepsquat.errors import UserError
from deepsquat.pose import cluster
from deepsquat.pose.mediapipe import MediaPipePose
from deepsquat.pose.table import prepare
from poses import Videos, with_bundle


def test_without_dask_it_is_said_what_to_install(
    videos: LabelledVideos, bundle_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "find_spec", lambda name: None)
    pose = MediaPipePose(scheduler="tcp://127.0.0.1:8786")
    with pytest.raises(UserError, match=r"^pose\.scheduler needs distributed, .*: pip install distributed$"):
        prepare(Videos(videos), pose, with_bundle(tmp_path, bundle_folder))


@pytest.mark.parametrize("address", ["here", "127.0.0.1:8786", "http://127.0.0.1:8787", "tcp://127.0.0.1"])
def test_what_is_no_schedulers_address_is_refused(address: str) -> None:
    with pytest.raises(UserError, match=rf"^pose\.scheduler={address}: give .* as tcp://HOST:PORT"):
        MediaPipePose(scheduler=address)


def test_processes_and_a_cluster_are_not_asked_for_both() -> None:
    with pytest.raises(UserError, match=r"^pose\.workers=2 .*; leave one out$"):
        MediaPipePose(workers=2, scheduler="tls://[::1]:8786")


def test_a_worker_refuses_what_is_not_what_was_meant(tmp_path: Path) -> None:
    video, bundle, gone = tmp_path / "a.mp4", tmp_path / "a.task", tmp_path / "gone"
    video.write_bytes(b"a video")
    bundle.write_bytes(b"a bundle")
    sha256, there = hashlib.sha256(b"a video").hexdigest(), cluster._here(bundle)
    cluster._refuse_others(video, sha256, bundle, there, "it")
    for path in ({"video": gone}, {"bundle": gone}):
        given = {"video": video, "bundle": bundle, **path}
        with pytest.raises(UserError, match=rf"^it cannot read {gone} \(No such file .*same paths$"):
            cluster._refuse_others(given["video"], sha256, given["bundle"], there, "it")
    with pytest.raises(UserError, match=rf"^it finds another file as {video}; "):
        cluster._refuse_others(video, "0" * 64, bundle, there, "it")
    for what, name in (
        ("mediapipe", "mediapipe .*, not 0.1"),
        ("code with the sha256", "code with .*, not 0.1"),
    ):
        with pytest.raises(UserError, match=rf"^it has {name}; start it anew"):
            cluster._refuse_others(video, sha256, bundle, {**there, what: "0.1"}, "it")


def test_the_code_is_told_apart_by_a_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "__init__.py").write_text("a = 1\n")
    monkeypatch.setattr(cluster.deepsquat, "__file__", str(tmp_path / "__init__.py"))
    before = cluster._code()
    (tmp_path / "__init__.py").write_text("a = 2\n")
    assert cluster._code() not in (before, cluster._CODE)
