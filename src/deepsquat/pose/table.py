"""From a source of squats to the landmark table, each step of which is made once and kept.

DATA/landmarks/<fingerprint>.parquet, .json    the table, and the manifest that says what went into it
DATA/landmarks/videos/<key>.parquet            every estimated frame of one video, without labels
DATA/landmarks/hashes.json                     sha256 of each video by path, size and time of change
"""

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from deepsquat.data.squats import LabelledVideos, Squat, TableSource, VideoSource
from deepsquat.errors import UserError
from deepsquat.files import written_whole
from deepsquat.landmarks import LandmarkTable
from deepsquat.pose import model_bundle
from deepsquat.pose.estimation import VideoPoses, VideoWork, estimate
from deepsquat.pose.mediapipe import MediaPipePose
from deepsquat.pose.storage import read_columns, read_table, write_columns, write_table

STAGE = 1  # raise it when the code of this stage would make other rows of the same inputs

NOBODY = "nobody found"
PARTLY = "body partly unseen"
TOO_FEW = "too few frames of its squat left"


@dataclass(frozen=True)
class Prepared:
    """The landmark table, the sha256 of all that went into it, and its manifest, as they lie at `path`."""

    table: LandmarkTable
    fingerprint: str
    manifest: dict[str, Any]
    path: Path


def prepare(source: VideoSource | TableSource, pose: MediaPipePose, folder: Path) -> Prepared:
    """The landmark table of `source`: found in `folder`/landmarks, or made and kept there.

    Says in a line or two on stdout what was found or made, and what was dropped. Interrupted, it goes on
    where it stopped. `folder` is the project's data folder; the pose bundle is kept in `folder`/models.

    Raises:
        UserError: the source or a video cannot be read, nobody is in a video, the bundle cannot be had.
    """
    videos = source.collect() if isinstance(source, VideoSource) else None
    if videos is not None:
        inputs = _video_inputs(videos, pose, folder)
    else:
        assert isinstance(source, TableSource)
        inputs = {"stage": STAGE, **source.inputs()}
    fingerprint = _sha256(inputs)
    path = folder / "landmarks" / f"{fingerprint[:16]}.parquet"
    manifest_path = path.with_suffix(".json")
    if path.exists() and (manifest := _read_json(manifest_path)):
        print(f"Landmark table: {_counted(manifest)}, found as {path}", *_dropped(manifest), sep="\n")
        return Prepared(read_table(path), fingerprint, manifest, path)

    start = time.monotonic()
    if videos is not None:
        table, counts = _estimated(videos, inputs, pose, folder)
    else:
        assert isinstance(source, TableSource)
        table, drops = source.landmark_table_and_drops()
        counts = {"frames_dropped": drops, "dropped": {}}
    manifest = {
        "fingerprint": fingerprint,
        "videos": len(np.unique(table.video)),
        "squats": len(np.unique(table.squat)),
        "frames": len(table),
        **counts,
        "seconds": round(time.monotonic() - start, 1),
        "versions": {"numpy": version("numpy"), **inputs.get("versions", {})},
        "inputs": inputs,
    }
    write_table(path, table)
    _write_json(manifest_path, manifest)  # last: with it the table counts as there
    print(f"Landmark table: {_counted(manifest)}, made in {manifest['seconds']:.0f} s: {path}")
    for line in _dropped(manifest):
        print(line)
    return Prepared(table, fingerprint, manifest, path)


def _video_inputs(videos: LabelledVideos, pose: MediaPipePose, folder: Path) -> dict[str, Any]:
    """All that decides what the table holds, as plain data; `pose.workers` does not, and is not in it."""
    paths = {squat.video: videos.root / squat.video for squat in videos.squats}
    own = None if pose.bundle is None else Path(pose.bundle)
    if own is not None and model_bundle.is_wheel(own):
        own = None  # what is made from it is the project's bundle
    if own is not None:
        model_bundle.pose_bundle(folder / "models", own)
    hashes = _file_hashes([*paths.values(), *([own] if own else [])], folder / "landmarks" / "hashes.json")
    return {
        "stage": STAGE,
        "versions": {name: version(name) for name in ("mediapipe", "av")},
        "bundle": hashes[own] if own else model_bundle.SHA256,
        "frames": asdict(videos.frames),
        "min_visibility": pose.min_visibility,
        "min_frames": pose.min_frames,
        "videos": {video: hashes[path] for video, path in paths.items()},
        "squats": [[getattr(squat, field.name) for field in fields(Squat)] for squat in videos.squats],
    }


def _estimated(
    videos: LabelledVideos, inputs: dict[str, Any], pose: MediaPipePose, folder: Path
) -> tuple[LandmarkTable, dict[str, Any]]:
    """The table and the manifest's counts, from each video's poses, kept already or made now."""
    by_video: dict[str, list[Squat]] = {}
    for squat in videos.squats:
        by_video.setdefault(squat.video, []).append(squat)
    works = [VideoWork(videos.root, name, tuple(squats), videos.frames) for name, squats in by_video.items()]
    paths = {
        work.video: folder / "landmarks" / "videos" / f"{_video_key(work, inputs)}.parquet" for work in works
    }
    poses: dict[str, VideoPoses] = {}
    for work in works:
        if paths[work.video].exists():
            poses[work.video] = VideoPoses(**read_columns(paths[work.video]))

    def keep(work: VideoWork, found: VideoPoses) -> None:
        write_columns(paths[work.video], {field.name: getattr(found, field.name) for field in fields(found)})
        _refuse_empty(work, found)
        poses[work.video] = found

    if missing := [work for work in works if work.video not in poses]:
        own = None if pose.bundle is None else Path(pose.bundle)
        bundle = model_bundle.pose_bundle(folder / "models", own)
        estimate(missing, bundle, pose.workers, keep)
    for work in works:
        _refuse_empty(work, poses[work.video])
    return _assembled(videos.squats, poses, pose)


def _video_key(work: VideoWork, inputs: dict[str, Any]) -> str:
    """What one video's frames and landmarks depend on: no label, and no option of what is dropped."""
    what = {name: inputs[name] for name in ("stage", "versions", "bundle", "frames")}
    what["video"] = inputs["videos"][work.video]
    what["squats"] = [[squat.index, squat.start, squat.bottom, squat.end] for squat in work.squats]
    return _sha256(what)[:32]


def _refuse_empty(work: VideoWork, poses: VideoPoses) -> None:
    if np.isnan(poses.landmarks[:, 0, 0]).all():
        raise UserError(
            f"{work.root / work.video}: nobody standing upright was found in any of the {len(poses.frame)} "
            "frames tried; see whether it shows squats at the labelled times, or take it out of the labels"
        )


def _assembled(
    squats: Sequence[Squat], poses: dict[str, VideoPoses], pose: MediaPipePose
) -> tuple[LandmarkTable, dict[str, Any]]:
    """The rows that are kept, squat by squat, and the counts of those that are not, with the reasons."""
    tables: list[LandmarkTable] = []
    reasons = dict.fromkeys((NOBODY, PARTLY, TOO_FEW), 0)
    dropped: dict[str, str] = {}
    tried = 0
    for squat in squats:
        video = poses[squat.video]
        mine = np.flatnonzero(video.squat == squat.index)
        found = ~np.isnan(video.landmarks[mine, 0, 0])
        whole = pose.whole(video.landmarks[mine])
        tried += len(mine)
        reasons[NOBODY] += int((~found).sum())
        reasons[PARTLY] += int((found & ~whole).sum())
        kept = mine[whole]
        if len(kept) < max(1, min(pose.min_frames, len(mine))):
            reasons[TOO_FEW] += len(kept)
            dropped[squat.id] = (
                f"{len(kept)} of {len(mine)} frames usable, {(~found).sum()} with {NOBODY}, "
                f"{(found & ~whole).sum()} with {PARTLY}"
            )
        else:
            tables.append(_rows(squat, video, kept))
    counts = {"frames_tried": tried, "frames_dropped": reasons, "dropped": dropped}
    if not tables:
        name, why = next(iter(dropped.items()))
        raise UserError(
            f"none of the {len(squats)} squats can be used; the first, {name}: {why}; film the whole body, "
            "or lower pose.min_visibility or pose.min_frames"
        )
    return LandmarkTable.joined(tables), counts


def _rows(squat: Squat, video: VideoPoses, kept: np.ndarray) -> LandmarkTable:
    n = len(kept)
    return LandmarkTable(
        squat=np.full(n, squat.id),
        video=np.full(n, squat.video),
        subject=np.full(n, squat.subject or ""),
        faults=np.full(n, "+".join(squat.faults)),
        label=np.full(n, -1 if squat.label is None else squat.label, np.int8),
        frame=video.frame[kept],
        time=video.time[kept],
        offset=video.offset[kept],
        aspect=video.aspect[kept],
        landmarks=video.landmarks[kept],
    )


def _counted(manifest: dict[str, Any]) -> str:
    counts = ((manifest[what], what) for what in ("videos", "squats", "frames"))
    return ", ".join(f"{count:,} {what if count != 1 else what[:-1]}" for count, what in counts)


def _dropped(manifest: dict[str, Any]) -> list[str]:
    """Lines for what was left out, none where nothing was."""
    frames = [f"{count:,} ({why})" for why, count in manifest["frames_dropped"].items() if count]
    squats = [f"{name}: {why}" for name, why in manifest["dropped"].items()]
    lines = []
    for what, dropped in (("frames", frames), ("squats", squats)):
        if dropped:
            rest = f"; and {len(dropped) - 5:,} more, see the .json beside the table" if dropped[5:] else ""
            lines.append(f"Dropped {what}: {'; '.join(dropped[:5])}{rest}")
    return lines


def _file_hashes(paths: Sequence[Path], memory: Path) -> dict[Path, str]:
    """The sha256 of each file; one whose size and time of change are those of last time is not read again."""
    known = _read_json(memory)
    now: dict[str, list[Any]] = {}
    for path in paths:
        try:
            state = path.stat()
            key = str(path.resolve())
            now[key] = known.get(key, [])
            if now[key][:2] != [state.st_size, state.st_mtime_ns]:
                with path.open("rb") as file:
                    sha256 = hashlib.file_digest(file, "sha256").hexdigest()
                now[key] = [state.st_size, state.st_mtime_ns, sha256]
        except OSError as error:
            raise UserError(
                f"{path}: cannot be read ({error.strerror}); see whether it is there and yours"
            ) from None
    if known | now != known:
        _write_json(memory, known | now)
    return {path: now[str(path.resolve())][2] for path in paths}


def _sha256(what: Any) -> str:
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()


def _read_json(path: Path) -> dict[str, Any]:
    """The object in a file, empty where there is none or it is damaged."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _write_json(path: Path, content: dict[str, Any]) -> None:
    with written_whole(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
