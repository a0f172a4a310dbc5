"""The videos that somebody names: files, and what is in folders; and where what is said of them lies."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from deepsquat.errors import UserError
from deepsquat.files import expanded

VIDEOS = frozenset({".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".3gp", ".mts", ".ts"})


def named_videos(files: Sequence[str], example: str) -> tuple[list[Path], list[Path]]:
    """The places that were typed, and the videos in them.

    Raises:
        UserError: nothing was typed, or no video is there.
    """
    if not files:
        raise UserError(f"name a video, or a folder of them: {example}")
    places = [expanded(file, "the video") for file in files]
    closed: list[OSError] = []
    videos = list(_videos_in(places, closed))
    said = [f"{one.filename}: cannot be read ({one.strerror}); see whether it is yours" for one in closed]
    if not videos and said:
        raise UserError(said[0])
    for line in said:
        print(f"Not searched: {line}", file=sys.stderr)
    if not videos:
        raise UserError(f"{', '.join(map(str, places))}: no video is in it; name a file or another folder")
    return places, videos


def _videos_in(places: Sequence[Path], closed: list[OSError]) -> Iterator[Path]:
    """Each video once. closed: is given what folders cannot be looked into."""
    seen: set[Path] = set()
    for place in places:
        found = [place]
        if is_folder(place):
            found = sorted(
                Path(folder, name)
                for folder, _, names in os.walk(place, onerror=closed.append)
                for name in names
                if Path(name).suffix.lower() in VIDEOS and not name.startswith(".")
            )
        for path in found:
            if (whole := resolved(path)) not in seen:
                seen.add(whole)
                yield path


def below(video: Path) -> Path:
    """Where a video's folder lies below `out`: as it lies in the working folder, else in the file system."""
    whole, here = resolved(video), Path.cwd()
    return whole.relative_to(here) if whole.is_relative_to(here) else from_the_root(video)


def from_the_root(video: Path) -> Path:
    whole = resolved(video)
    return whole.relative_to(whole.anchor)


def named_below(place: Path, video: Path) -> str | None:
    """A video's path from a place on, as it was found there or as it lies there; None where it does not."""
    for one, first in ((video, place), (resolved(video), resolved(place))):
        if one.is_relative_to(first):
            return one.relative_to(first).as_posix()
    return None


def resolved(path: Path) -> Path:
    """Without links; Path.resolve ends at a link to itself, before Python 3.13."""
    return Path(os.path.realpath(path))


def is_folder(path: Path) -> bool:
    """False too where nobody may look, which Path.is_dir raises of before Python 3.14."""
    with suppress(OSError):
        return path.is_dir()
    return False


def is_there(path: Path) -> bool:
    """False too where no path can be so long, which Path.exists raises of before Python 3.14."""
    with suppress(OSError):
        return path.exists()
    return False
