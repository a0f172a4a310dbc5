"""src/label.py: the squats of videos into a labels file."""

import os
import shlex
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from deepsquat.commands.options import build
from deepsquat.commands.predict import number
from deepsquat.commands.videos import below, is_folder, named_videos, resolved
from deepsquat.errors import UserError
from deepsquat.files import expanded

if TYPE_CHECKING:
    from deepsquat.data.squats import Squat
    from deepsquat.predict.poses import Estimated, Reader
    from deepsquat.repetitions import Repetition

LABELS = {"good": 1, "bad": 0}


@dataclass(frozen=True)
class _Told:
    """What is known of all the videos."""

    label: int | None
    subject: str | None
    slowed: float  # how many times slower than life they are


def label(config: DictConfig, files: Sequence[str]) -> None:
    """Adds the squats of each video; ends with exit code 1 where some of several could not be, 2 where
    none could.

    Raises:
        UserError: no video is named, a value cannot be, or the only video cannot be read.
    """
    places, videos = named_videos(files, "python src/label.py FOLDER label=good")
    told = _Told(_label(config), _subject(config), number(config, "slowed", 1, 20))
    rate, pose = number(config, "rate", 5, 60), build(config, "pose")
    data, out = expanded(config.paths.data, "paths.data"), expanded(config.out, "out")
    path = _labels_file(config, places)
    if path.is_file():
        from deepsquat.data.videos.adding import check

        check(path)  # what is wrong in it is wrong for all videos
    whole = path.parent.absolute()
    outside = [v for v in videos if not _is_in(v, whole) and not v.absolute().is_relative_to(whole)]
    if outside:
        raise UserError(
            f"{outside[0]}: is not in {path.parent}, the folder of {path.name}, where its paths start; "
            "take labels=FILE in a folder that holds all of the videos"
        )
    print(f"{len(videos)} video{'s' if len(videos) > 1 else ''} to find squats in", flush=True)
    from deepsquat.predict.poses import Reader

    failed, seen = [], dict[str, Path]()
    with closing(Reader(pose, rate, data)) as reader:
        for video in videos:
            try:
                _one(video, path, out / below(video), reader, told, seen)
            except UserError as error:
                if len(videos) == 1:
                    raise
                failed.append(str(error))
    _say_end(path)
    for line in failed:
        print(f"Not labelled: {line}", file=sys.stderr)
    if failed:
        raise SystemExit(1 if len(failed) < len(videos) else 2)


def _label(config: DictConfig) -> int | None:
    if config.label is not None and config.label not in LABELS:
        raise UserError(f"label must be good or bad, or be left out, got {config.label}")
    return None if config.label is None else LABELS[config.label]


def _subject(config: DictConfig) -> str | None:
    from deepsquat.data.videos.annotations import CONTROL, as_subject

    if config.subject is None:
        return None
    subject = as_subject(str(config.subject))
    if not subject or CONTROL.search(subject):
        raise UserError(f"subject must be a name, got {subject!r}")
    return subject


def _labels_file(config: DictConfig, places: Sequence[Path]) -> Path:
    """The file to write; the paths of videos in it start from its folder."""
    from deepsquat.data.videos.source import NAMES

    if config.labels is not None:
        path = expanded(config.labels, "labels")
        if path.is_dir() or path.suffix not in (".yaml", ".yml"):
            raise UserError(f"labels={config.labels}: must be a file whose name ends in .yaml")
        return path
    folders = [str((place if is_folder(place) else place.parent).resolve()) for place in places]
    folder = places[0] if len(places) == 1 and is_folder(places[0]) else Path(os.path.commonpath(folders))
    found = [folder / name for name in NAMES if (folder / name).exists()]
    if len(found) > 1:
        raise UserError(f"{folder} holds both {' and '.join(NAMES)}; name one by labels=FILE")
    return found[0] if found else folder / NAMES[0]


def _is_in(video: Path, folder: Path) -> bool:
    return resolved(video).is_relative_to(folder.resolve())


def _one(
    video: Path,
    path: Path,
    folder: Path,
    reader: "Reader",
    told: _Told,
    seen: dict[str, Path],
) -> None:
    """Finds one video's squats and adds them. seen: by sha256, the videos before, one of which it may be."""
    from deepsquat.data.videos.adding import add_squats
    from deepsquat.predict.advice import why_none

    if not _is_in(video, path.parent):
        raise UserError(f"{video}: is a link to a place outside {path.parent}; copy the video into it")
    print(f"{video}: finding poses ...", flush=True)
    found = reader.poses(video)
    if (other := seen.setdefault(found.sha256, video)) != video:
        raise UserError(f"{video}: is the same video as {other}; keep one of them")
    repetitions = _repetitions(found, told.slowed)
    name = video.resolve().relative_to(path.parent.resolve()).as_posix()
    squats = _squats(name, repetitions, told)
    added = add_squats(path, squats)
    partial = len(repetitions) - len(squats)
    words = [f"{len(squats)} squat{'s' * (len(squats) != 1)}", f"{len(added.new)} added"]
    if len(added.new) < len(squats):
        words.append(f"{len(squats) - len(added.new)} there already")
    if added.filled:
        words.append(f"{added.filled} of these labelled now, or named")
    print(f"  {', '.join(words)}")
    if added.otherwise:
        print(f"  unchanged: {added.otherwise} whose label or subject is another one in {path}")
    if not repetitions and (why := why_none(found.poses, told.slowed)):
        print(f"  none was found: {why}")
    if partial:
        print(f"  not written: {partial} that the clip cuts off")
    for one in added.new:
        print(f"  from {one.start:6.2f} s  bottom {one.bottom:6.2f} s  to {one.end:6.2f} s")
    if squats:
        _draw(folder / "bottoms.png", video, found, squats, reader, path)


def _repetitions(found: "Estimated", slowed: float) -> list["Repetition"]:
    from deepsquat.repetitions import find

    poses = found.poses
    return find(poses.time, poses.landmarks, float(poses.aspect[0]), slowed) if len(poses.time) else []


def _squats(video: str, repetitions: Sequence["Repetition"], told: _Told) -> list["Squat"]:
    """Those that the clip shows whole, to a hundredth of a second."""
    from deepsquat.data.squats import Squat

    label, subject = told.label, told.subject
    return [
        Squat(video, 0, round(one.start, 2), round(one.bottom, 2), round(one.end, 2), label, subject)
        for one in repetitions
        if one.start is not None and one.bottom is not None and one.end is not None
    ]


def _draw(
    picture: Path, video: Path, found: "Estimated", squats: Sequence["Squat"], reader: "Reader", path: Path
) -> None:
    """The bottoms, each under the label that the file now has for it."""
    from deepsquat.data.videos.adding import entry_of
    from deepsquat.data.videos.annotations import read_labels
    from deepsquat.predict import sheet
    from deepsquat.predict.captions import COLOURS, Caption
    from deepsquat.predict.poses import Wish

    words = {None: ("no label yet", "cannot_tell"), 1: ("good", "good"), 0: ("bad", "bad")}
    entries = [squat for squat in read_labels(path) if squat.video == squats[0].video]
    shown = [entry_of(squat, entries) or squat for squat in squats]
    numbers = sheet.frames(found.poses, [squat.bottom for squat in shown], most=len(shown))
    wish = Wish((), tuple(sorted(set(numbers.values()))), sheet.HEIGHT, blur=False)
    captions = {
        i: Caption(
            0.0,
            f"Squat {i + 1}: {words[squat.label][0]}",
            (f"{squat.bottom:.1f} s",),
            COLOURS[words[squat.label][1]],
        )
        for i, squat in enumerate(shown)
    }
    pictures = reader.pictures(video, found.poses, wish)
    sheet.write(picture, sheet.drawn(found.poses, numbers, pictures, {}), captions)
    print(f"  to check by eye: {picture}")


def _say_end(path: Path) -> None:
    from deepsquat.data.videos.annotations import read_labels
    from deepsquat.data.videos.source import NAMES

    if not path.exists():
        print("No squat was found, so nothing was written.")
        return
    if not any(squat.label is not None for squat in read_labels(path)):
        print(f"Labels in {path}, where no squat has a label yet: write label: 1 (good) or 0 (bad) to each.")
        return
    words = ["python", "src/train.py", "data=videos", f"data.root={path.parent}"]
    words += [f"data.labels={path.name}"] if path.name not in NAMES else []
    print(f"Labels in {path}. To go on: {shlex.join(words)}")
