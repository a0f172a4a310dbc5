"""src/predict.py: verdicts on the squats in videos."""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from deepsquat.commands.options import build
from deepsquat.errors import UserError
from deepsquat.files import expanded, written_whole

if TYPE_CHECKING:
    from deepsquat.champion import Champion
    from deepsquat.predict.judging import Verdict
    from deepsquat.predict.poses import Reader

FORMAT = 1  # of verdict.json
VIDEOS = frozenset({".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".3gp", ".mts", ".ts"})
_WITH_VALUE = {"--config-dir", "-cd", "--config-name", "-cn", "--config-path", "-cp", "--package", "-p"}
_WITH_VALUE |= {"--info", "-i"}


def take_files(words: list[str]) -> list[str]:
    """Takes out of the command line what are paths, as the shell has given them, and returns them.

    A path is what is there on the disk, what begins like one, and whatever has no = in it.
    """
    taken, rest = [], []
    for before, word in zip(["", *words], words, strict=False):
        option = word.startswith("-") or before in _WITH_VALUE
        begins = word.startswith(("/", "./", "../", "~/"))
        if not option and (begins or "=" not in word or Path(word).exists()):
            taken.append(word)
        else:
            rest.append(word)
    words[:] = rest
    return taken


def predict(config: DictConfig, files: Sequence[str]) -> None:
    """Judges each video; ends with exit code 1 where some of several could not be.

    Raises:
        UserError: no video is named, or the only one cannot be judged.
    """
    if not files:
        raise UserError("name a video, or a folder of them: python src/predict.py squat.mp4")
    places = [expanded(file, "the video") for file in files]
    videos = list(videos_in(places))
    if not videos:
        raise UserError(f"{', '.join(map(str, places))}: no video is in it; name a file or another folder")
    print(f"{len(videos)} video{'s' if len(videos) > 1 else ''} to judge", flush=True)
    margin, rate = number(config, "margin", 0, 0.5), number(config, "rate", 3, 60)
    pose, data = build(config, "pose"), expanded(config.paths.data, "paths.data")
    out = expanded(config.out, "out")
    from deepsquat.commands.weights import load_weights
    from deepsquat.predict.poses import Reader

    model = load_weights(config)
    failed = []
    with closing(Reader(pose, rate, data)) as reader:
        for video in videos:
            try:
                _one(video, out / below(video), reader, model, margin)
            except UserError as error:
                if len(videos) == 1:
                    raise
                failed.append(str(error))
    for line in failed:
        print(f"Not judged: {line}", file=sys.stderr)
    if failed:
        raise SystemExit(1)


def _one(video: Path, folder: Path, reader: "Reader", model: "Champion", margin: float) -> None:
    from deepsquat.predict import page, sheet
    from deepsquat.predict.judging import judged

    print(f"{video}: finding poses ...", flush=True)
    found = reader.poses(video)
    verdicts = judged(found.poses, model, reader.pose, margin)
    persons = int(found.poses.persons[0]) if len(found.poses.persons) else 0
    known = {
        "version": FORMAT,
        "video": str(video),
        "sha256": found.sha256,
        "persons": persons,
        "repetitions": [asdict(verdict) for verdict in verdicts],
        "model": {
            "name": model.name,
            "threshold": model.threshold,
            "temperature": model.temperature,
            "made_of": dict(model.made_of),
        },
    }
    with written_whole(folder / "verdict.json") as temporary:
        temporary.write_text(json.dumps(known, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    if not sheet.write(folder / "squats.png", video, found.poses, verdicts, reader):
        (folder / "squats.png").unlink(missing_ok=True)  # of an earlier verdict
    page.write(folder / "page.html", video, folder / "squats.png", found.poses, verdicts, model)
    for i, one in enumerate(verdicts, 1):
        print(f"  squat {i}  {_span(one)}  {_said(one)}")
    if not verdicts:
        print("  no squat was found")
    if persons > 1:
        print(f"  {persons} people are in it; the one who squats was followed")
    print(f"  to look at: {folder / 'page.html'}; {folder / 'verdict.json'}")


def _span(one: "Verdict") -> str:
    return " ".join(
        f"{name} {time:5.1f} s" if time is not None else f"{name}    ?  "
        for name, time in (("from", one.start), ("bottom", one.bottom), ("to", one.end))
    )


def _said(one: "Verdict") -> str:
    p_good = f" ({one.p_good:.0%} good)" if one.p_good is not None else ""
    reasons = f": {'; '.join(one.reasons)}" if one.reasons else ""
    return f"{one.verdict.replace('_', ' ')}{p_good}{reasons}"


def videos_in(places: Sequence[Path]) -> Iterator[Path]:
    """Each video once."""
    seen: set[Path] = set()
    for place in places:
        found = [place]
        if place.is_dir():
            found = sorted(
                Path(folder, name)
                for folder, _, names in os.walk(place)
                for name in names
                if Path(name).suffix.lower() in VIDEOS and not name.startswith(".")
            )
        for path in found:
            if path.resolve() not in seen:
                seen.add(path.resolve())
                yield path


def below(video: Path) -> Path:
    """Where a video's folder lies below `out`: as it lies in the working folder, else in the file system.

    So two videos of one name do not meet.
    """
    whole, here = video.resolve(), Path.cwd()
    return whole.relative_to(here) if whole.is_relative_to(here) else whole.relative_to(whole.anchor)


def number(config: DictConfig, name: str, least: float, most: float) -> float:
    value = config[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise UserError(f"{name} must be a number from {least} to {most}, got {value}")
    return float(value)
