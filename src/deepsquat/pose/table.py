"""From a source of squats to the landmark table, each step of which is made once and kept.

DATA/landmarks/<fingerprint>.parquet, .json    the table, and the manifest that says what went into it
DATA/landmarks/videos/<key>.parquet            every estimated frame of one video, without labels
DATA/landmarks/hashes.json                     sha256 of each video by path, size and time of change
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from deepsquat.data.squats import LabelledVideos, Squat, TableSource, VideoSource, rows_of
from deepsquat.errors import UserError
from deepsquat.landmarks import LandmarkTable
from deepsquat.pose import model_bundle
from deepsquat.pose.estimation import VideoPoses, VideoWork, estimate
from deepsquat.pose.inputs import STAGE, UNREADABLE, sha256, video_inputs, video_key
from deepsquat.pose.mediapipe import MediaPipePose
from deepsquat.pose.storage import kept, read_columns, read_json, write_columns, write_json

NOBODY = "nobody found"
PARTLY = "body partly unseen"
TOO_FEW = "too few frames of its squat left"


@dataclass(frozen=True)
class Prepared:
    """The landmark table, the sha256 of all that went into it, and its manifest, as stored at `path`."""

    table: LandmarkTable
    fingerprint: str
    manifest: dict[str, Any]
    path: Path


def prepare(source: VideoSource | TableSource, pose: MediaPipePose, folder: Path) -> Prepared:
    """The landmark table of `source`: found in `folder`/landmarks, or made and kept there.

    Says in a line or two on stdout what was found or made, and what was dropped, squats of videos that cannot
    be used among it. Interrupted, it continues where it stopped. `folder` is the project's data folder; the
    pose bundle is kept in `folder`/models.

    Raises:
        UserError: the source cannot be read, no squat of it can be used, the bundle cannot be had.
    """
    videos = source.collect() if isinstance(source, VideoSource) else None
    if videos is not None:
        inputs = video_inputs(videos, pose, folder)
    else:
        assert isinstance(source, TableSource)
        inputs = {"stage": STAGE, **source.inputs()}
    fingerprint = sha256(inputs)
    path = folder / "landmarks" / f"{fingerprint[:16]}.parquet"
    manifest_path = path.with_suffix(".json")
    if path.exists() and (found := kept(manifest_path, read_json)):
        there = kept(path, partial(read_columns, LandmarkTable))
        if there is not None and found.get("fingerprint") == fingerprint:
            print(f"Landmark table: {_counted(found)}, found as {path}", *_dropped(found), sep="\n")
            return Prepared(there, fingerprint, found, path)

    start = time.monotonic()
    if videos is not None:
        table, counts = _estimated(videos, inputs, pose, folder)
    else:
        assert isinstance(source, TableSource)
        table, drops = source.landmark_table_and_drops()
        counts = {"frames_dropped": drops.frames, "dropped": drops.squats}
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
    write_columns(path, table)
    write_json(manifest_path, manifest)  # last: the table counts as complete once it is there
    print(f"Landmark table: {_counted(manifest)}, made in {manifest['seconds']:.0f} s: {path}")
    for line in _dropped(manifest):
        print(line)
    return Prepared(table, fingerprint, manifest, path)


def _estimated(
    videos: LabelledVideos, inputs: dict[str, Any], pose: MediaPipePose, folder: Path
) -> tuple[LandmarkTable, dict[str, Any]]:
    """The table and the manifest's counts, from each video's poses, kept already or made now."""
    by_video: dict[str, list[Squat]] = {}
    for squat in videos.squats:
        by_video.setdefault(squat.video, []).append(squat)
    works = [VideoWork(videos.root, name, tuple(squats), videos.frames) for name, squats in by_video.items()]
    paths = {
        work.video: folder / "landmarks" / "videos" / f"{video_key(work, inputs)}.parquet" for work in works
    }
    poses: dict[str, VideoPoses] = {}
    for work in works:
        if (sha := inputs["videos"][work.video]).startswith(UNREADABLE):
            poses[work.video] = VideoPoses.none_of(work.squats, sha)
        elif (found := kept(paths[work.video], partial(read_columns, VideoPoses))) is not None:
            poses[work.video] = found

    def keep(work: VideoWork, found: VideoPoses) -> None:
        write_columns(paths[work.video], found)
        poses[work.video] = found

    if missing := [work for work in works if work.video not in poses]:
        bundle = model_bundle.pose_bundle(folder / "models", pose.own)
        estimate(missing, bundle, pose.workers, keep)
    return _assembled(videos.squats, poses, pose)


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
        if why := next(filter(None, video.unread[mine]), ""):
            dropped[squat.id] = str(why)
            continue
        found = ~np.isnan(video.landmarks[mine, 0, 0])
        whole = pose.whole(video.landmarks[mine])
        tried += len(mine)
        reasons[NOBODY] += int((~found).sum())
        reasons[PARTLY] += int((found & ~whole).sum())
        kept_rows = mine[whole]
        if len(kept_rows) >= max(1, min(pose.min_frames, len(mine))):
            columns = ("frame", "time", "offset", "aspect", "landmarks")
            tables.append(rows_of(squat, **{name: getattr(video, name)[kept_rows] for name in columns}))
            continue
        reasons[TOO_FEW] += len(kept_rows)
        dropped[squat.id] = _why_too_few(video, found, whole)
    counts = {"frames_tried": tried, "frames_dropped": reasons, "dropped": dropped}
    if not tables:
        name, why = next(iter(dropped.items()))
        raise UserError(
            f"none of the {len(squats)} squats can be used; the first, {name}: {why}; replace the videos "
            "by some that show the whole body, or lower pose.min_visibility or pose.min_frames"
        )
    return LandmarkTable.joined(tables), counts


def _why_too_few(video: VideoPoses, found: np.ndarray, whole: np.ndarray) -> str:
    """found, whole: (n,) bool, of the frames of one squat."""
    if np.isnan(video.landmarks[:, 0, 0]).all():
        return f"{NOBODY} standing upright at the times of its squats"
    return (
        f"{whole.sum()} of {len(whole)} frames usable, {(~found).sum()} with {NOBODY}, "
        f"{(found & ~whole).sum()} with {PARTLY}"
    )


def _counted(manifest: dict[str, Any]) -> str:
    counts = ((manifest[what], what) for what in ("videos", "squats", "frames"))
    return ", ".join(f"{count:,} {what if count != 1 else what[:-1]}" for count, what in counts)


def _dropped(manifest: dict[str, Any]) -> list[str]:
    """Lines for what was left out, none where nothing was."""
    frames = [f"{count:,} ({why})" for why, count in manifest["frames_dropped"].items() if count]
    by_video: dict[tuple[str, str], list[str]] = {}  # squats that were dropped for one reason
    for squat, why in manifest["dropped"].items():
        by_video.setdefault((squat.rpartition("#")[0], why), []).append(squat)
    squats = [
        f"{names[0]}: {why}" if len(names) == 1 else f"{len(names)} of {video}: {why}"
        for (video, why), names in by_video.items()
    ]
    lines = []
    count = len(manifest["dropped"])
    for what, dropped in (("frames", frames), (f"squats, {count} of {count + manifest['squats']}", squats)):
        if dropped:
            rest = f"; and {len(dropped) - 5:,} more, see the .json beside the table" if dropped[5:] else ""
            lines.append(f"Dropped {what}: {'; '.join(dropped[:5])}{rest}")
    return lines
