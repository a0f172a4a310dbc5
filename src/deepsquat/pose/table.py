"""From a source of squats to the landmark table, each step of which is made once and kept.

DATA/landmarks/<fingerprint>.parquet, .json    the table, and the manifest that says what went into it
DATA/landmarks/spans/<key>.parquet             every frame of one squat, by video and times, without labels
DATA/landmarks/hashes.json                     sha256 of each video by path, size and time of change
"""

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from deepsquat.data.joined import Joined, named
from deepsquat.data.squats import LabelledVideos, Squat, TableSource, VideoSource, rows_of
from deepsquat.errors import UserError
from deepsquat.landmarks import LandmarkTable
from deepsquat.pose import model_bundle
from deepsquat.pose.estimation import VideoPoses, VideoWork, estimate
from deepsquat.pose.inputs import STAGE, UNREADABLE, sha256, span_key, video_inputs
from deepsquat.pose.mediapipe import MediaPipePose
from deepsquat.pose.plausible import NOBODY, REASONS
from deepsquat.pose.storage import kept, read_columns, read_json, write_columns, write_json
from deepsquat.terminal import say

PARTLY = "body partly unseen"
TOO_FEW = "too few frames of its squat left"


@dataclass(frozen=True)
class Prepared:
    """The landmark table, the sha256 of all that went into it, and its manifest, as stored at `path`.

    Of several sources as one, `path` is the folder where each one's is stored.
    """

    table: LandmarkTable
    fingerprint: str
    manifest: dict[str, Any]
    path: Path


def prepare(source: VideoSource | TableSource | Joined, pose: MediaPipePose, folder: Path) -> Prepared:
    """The landmark table of `source`: found in `folder`/landmarks, or made and kept there.

    Says in a line or two on stdout what was found or made, and what was dropped, squats of videos that cannot
    be used among it. Interrupted, it continues where it stopped. `folder` is the project's data folder; the
    pose bundle is kept in `folder`/models.

    Raises:
        UserError: the source cannot be read, no squat of it can be used, the bundle cannot be had.
    """
    if isinstance(source, Joined):
        return _joined({name: prepare(one, pose, folder) for name, one in source.of})
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
            said = [*_dropped(found), *_unlabelled(there)]
            say(f"Landmark table: {_counted(found)}, found as {path}", *said)
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
    say(f"Landmark table: {_counted(manifest)}, made in {manifest['seconds']:.0f} s: {path}")
    for line in (*_dropped(manifest), *_unlabelled(table)):
        say(line)
    return Prepared(table, fingerprint, manifest, path)


def _joined(sources: Mapping[str, Prepared]) -> Prepared:
    """The tables of all sources under their names; none of it is stored a second time.

    Raises:
        UserError: two sources have one video, which may then be learned from and tested at once.
    """
    seen: dict[str, str] = {}
    for name, one in sources.items():
        for video, sha in one.manifest["inputs"].get("videos", {}).items():
            here = f"{name}/{video}"
            other = here if sha.startswith(UNREADABLE) else seen.setdefault(sha, here)
            if other != here:
                raise UserError(f"data.of: {here} is the same video as {other}; give it in one source alone")
    fingerprint = sha256({name: one.fingerprint for name, one in sources.items()})
    manifest = {"fingerprint": fingerprint, "of": {name: one.manifest for name, one in sources.items()}}
    table = LandmarkTable.joined([named(one.table, name) for name, one in sources.items()])
    return Prepared(table, fingerprint, manifest, next(iter(sources.values())).path.parent)


def _estimated(
    videos: LabelledVideos, inputs: dict[str, Any], pose: MediaPipePose, folder: Path
) -> tuple[LandmarkTable, dict[str, Any]]:
    """The table and the manifest's counts, from each video's poses, kept already or made now."""
    by_video: dict[str, list[Squat]] = {}
    for squat in videos.squats:
        by_video.setdefault(squat.video, []).append(squat)
    paths = {
        squat.id: folder / "landmarks" / "spans" / f"{span_key(squat, inputs)}.parquet"
        for squat in videos.squats
    }
    poses: dict[str, VideoPoses] = {}
    missing: list[VideoWork] = []
    for video, squats in by_video.items():
        if (sha := inputs["videos"][video]).startswith(UNREADABLE):
            poses |= {squat.id: VideoPoses.none_of([squat], sha) for squat in squats}
            continue
        for squat in squats:
            if (found := kept(paths[squat.id], partial(read_columns, VideoPoses))) is not None:
                poses[squat.id] = found.of_squat(0, squat.index)
        if left := tuple(squat for squat in squats if squat.id not in poses):
            missing.append(VideoWork(videos.root, video, left, videos.frames))

    def keep(work: VideoWork, found: VideoPoses) -> None:
        for squat in work.squats:
            write_columns(paths[squat.id], found.of_squat(squat.index, 0))
            poses[squat.id] = found.of_squat(squat.index, squat.index)

    if missing:
        bundle = model_bundle.pose_bundle(folder / "models", pose.own)
        if pose.scheduler is None:
            estimate(missing, bundle, pose.workers, keep)
        else:
            from deepsquat.pose import cluster

            cluster.estimate(missing, inputs["videos"], bundle, pose.scheduler, keep)
    return _assembled(videos, poses, pose)


def _assembled(
    videos: LabelledVideos, poses: dict[str, VideoPoses], pose: MediaPipePose
) -> tuple[LandmarkTable, dict[str, Any]]:
    """The rows that are kept, squat by squat, and the counts of those that are not, with the reasons."""
    squats = videos.squats
    tables: list[LandmarkTable] = []
    reasons = dict.fromkeys((*REASONS, PARTLY, TOO_FEW), 0)
    dropped: dict[str, str] = {}
    by_squat: dict[str, dict[str, int]] = {}
    for squat in squats:
        found = poses[squat.id]
        if why := next(filter(None, found.unread), ""):
            dropped[squat.id] = str(why)
            continue
        whole = pose.whole(found.landmarks)
        why_not = np.where(whole | (found.reason != ""), found.reason, PARTLY)
        of_frames = Counter(str(why) for why in why_not if why)
        by_squat[squat.id] = {
            "wanted": len(videos.frames.times(squat)),
            "frames": len(whole),
            "repaired": int(found.repaired.sum()),
            "persons": int(found.persons.max(initial=0)),
            **of_frames,
        }
        for why, count in of_frames.items():
            reasons[why] += count
        if whole.sum() >= max(1, min(pose.min_frames, len(whole))):
            columns = ("frame", "time", "offset", "aspect", "landmarks")
            tables.append(rows_of(squat, **{name: getattr(found, name)[whole] for name in columns}))
            continue
        reasons[TOO_FEW] += int(whole.sum())
        dropped[squat.id] = _why_too_few(len(whole), int(whole.sum()), of_frames)
    tried = sum(counts["frames"] for counts in by_squat.values())
    counts = {"frames_tried": tried, "frames_dropped": reasons, "dropped": dropped, "of_squats": by_squat}
    if not tables:
        name, why = next(iter(dropped.items()))
        raise UserError(
            f"none of the {len(squats)} squats can be used; the first, {name}: {why}; replace the videos "
            "by some that show the whole body, or lower pose.min_visibility or pose.min_frames"
        )
    return LandmarkTable.joined(tables), counts


def _why_too_few(frames: int, usable: int, reasons: dict[str, int]) -> str:
    if reasons.get(NOBODY) == frames:
        return f"{NOBODY} standing upright at its time"
    return ", ".join(
        [f"{usable} of {frames} frames usable", *(f"{n} with {why}" for why, n in reasons.items())]
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
    lines = _noted(manifest.get("of_squats", {}))
    count = len(manifest["dropped"])
    for what, dropped in (("frames", frames), (f"squats, {count} of {count + manifest['squats']}", squats)):
        if dropped:
            rest = f"; and {len(dropped) - 5:,} more, see the .json beside the table" if dropped[5:] else ""
            lines.append(f"Dropped {what}: {'; '.join(dropped[:5])}{rest}")
    return lines


def _unlabelled(table: LandmarkTable) -> list[str]:
    """A line where squats have no label yet, which is no mistake."""
    squats, without = (len(np.unique(some)) for some in (table.squat, table.squat[table.label < 0]))
    if not without:
        return []
    what = "write label: 1 (good) or label: 0 (bad) to them in the labels file"
    return [f"Squats without a label: {without} of {squats}, which no training takes; {what}"]


def _noted(squats: dict[str, dict[str, int]]) -> list[str]:
    """Lines for what a user may want to look at, though it was used."""
    repaired = sum(counts["repaired"] for counts in squats.values())
    crowded = [squat for squat, counts in squats.items() if counts["persons"] > 1]
    few = {squat: counts for squat, counts in squats.items() if counts["frames"] < counts["wanted"]}
    lines = []
    if repaired:
        lines.append(f"Repaired frames: {repaired:,}, whose poses were sought anew")
    if crowded:
        lines.append(
            f"More than one person in {len(crowded):,} squats, "
            f"as in {crowded[0]}; the one who squats was followed"
        )
    if few:
        squat, counts = next(iter(few.items()))
        lines.append(
            f"Fewer frames than wanted in {len(few):,} squats, as the frame rate is low: "
            f"{counts['frames']} of {counts['wanted']} in {squat}"
        )
    return lines
