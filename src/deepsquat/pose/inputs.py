"""All that decides what the landmark table of a folder of videos holds."""

import hashlib
import json
import stat
from collections.abc import Sequence
from dataclasses import asdict, fields
from importlib.metadata import version
from pathlib import Path
from typing import Any

from deepsquat.data.squats import LabelledVideos, Squat
from deepsquat.pose import model_bundle
from deepsquat.pose.mediapipe import MediaPipePose
from deepsquat.pose.storage import kept, read_json, write_json

STAGE = 3  # raise it when the code of this stage would make other rows of the same inputs

UNREADABLE = "cannot be read"  # stands where a video's sha256 would


def video_inputs(videos: LabelledVideos, pose: MediaPipePose, folder: Path) -> dict[str, Any]:
    """As plain data; `pose.workers` changes no row, and is not in it. folder: the project's data folder.

    Raises:
        UserError: `pose.bundle` is no bundle.
    """
    paths = {squat.video: videos.root / squat.video for squat in videos.squats}
    estimator, hashes = estimator_inputs(list(paths.values()), pose, folder)
    return {
        **estimator,
        "frames": asdict(videos.frames),
        "min_visibility": pose.min_visibility,
        "min_frames": pose.min_frames,
        "videos": {video: hashes[path] for video, path in paths.items()},
        "squats": [_of_squat(squat) for squat in videos.squats],
    }


def _of_squat(squat: Squat) -> list[Any]:
    """A reference is named where there is one, so that what was kept before there were any is found."""
    values = [getattr(squat, field.name) for field in fields(Squat) if field.name != "reference"]
    return [*values, "reference"] if squat.reference else values


def estimator_inputs(
    paths: Sequence[Path], pose: MediaPipePose, folder: Path
) -> tuple[dict[str, Any], dict[Path, str]]:
    """What every pose depends on beside its video, and the sha256 of each video; `UNREADABLE` where it is so.

    Raises:
        UserError: `pose.bundle` is no bundle.
    """
    own = pose.own
    if own is not None and model_bundle.is_wheel(own):
        own = None  # what is made from it is the project's bundle
    if own is not None:
        model_bundle.pose_bundle(folder / "models", own)
    hashes = _file_hashes([*paths, *([own] if own else [])], folder / "landmarks" / "hashes.json")
    found = {
        "stage": STAGE,
        "versions": {name: version(name) for name in ("mediapipe", "av")},
        "bundle": hashes[own] if own else model_bundle.SHA256,
    }
    return found, hashes


def span_key(squat: Squat, inputs: dict[str, Any]) -> str:
    """What the poses of one squat depend on: no label, no other squat, and no option of what is dropped."""
    what = {name: inputs[name] for name in ("stage", "versions", "bundle", "frames")}
    what["video"] = inputs["videos"][squat.video]
    what["span"] = [squat.start, squat.bottom, squat.end]
    return sha256(what)[:32]


def sha256(what: Any) -> str:
    """The hash of plain data."""
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()


def _file_hashes(paths: Sequence[Path], memory: Path) -> dict[Path, str]:
    """The sha256 of each file, or that it cannot be read, and why.

    A file whose size and time of change are those of last time is not read again.
    """
    known = kept(memory, read_json) or {}
    now: dict[str, list[Any]] = {}
    found: dict[Path, str] = {}
    for path in paths:
        try:
            state = path.stat()
            if not stat.S_ISREG(state.st_mode):  # a pipe or a device may never end
                found[path] = f"{UNREADABLE} (no regular file); give a video file"
                continue
            key = str(path.resolve())
            before = known.get(key, [])
            if before[:2] == [state.st_size, state.st_mtime_ns]:
                now[key] = before
            else:
                with path.open("rb") as file:
                    digest = hashlib.file_digest(file, "sha256").hexdigest()
                now[key] = [state.st_size, state.st_mtime_ns, digest]
            found[path] = now[key][2]
        except OSError as error:
            found[path] = f"{UNREADABLE} ({error.strerror}); see whether it is there and yours"
    if known | now != known:
        write_json(memory, known | now)
    return found
