"""What an earlier run has written of a video, where it would be the same now."""

import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

FORMAT = 1  # of verdict.json; docs/verdict.md
VERDICT, VIDEO, PAGE = "verdict.json", "annotated.mp4", "page.html"
PICTURE, MEASURES = "squats.png", "measures.csv"


@lru_cache(maxsize=1)
def program() -> str:
    """The hash of all that this program consists of: another version says what it would say itself."""
    package = Path(__file__).resolve().parents[1]
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        digest.update(str(path.relative_to(package)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def fingerprint(what: Mapping[str, Any]) -> str:
    """Of plain data and of the program."""
    known = json.dumps({**what, "program": program()}, sort_keys=True, default=str)
    return hashlib.sha256(known.encode("utf-8", "backslashreplace")).hexdigest()


def found(folder: Path) -> dict[str, Any]:
    """What verdict.json there holds; {} where there is none that can be used."""
    try:
        known = json.loads((folder / VERDICT).read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return known if isinstance(known, dict) and known.get("version") == FORMAT else {}


def is_whole(folder: Path, known: Mapping[str, Any], *names: str) -> bool:
    """Whether files that verdict.json names are there, of the size they were written with; all, or some."""
    files = known.get("files")
    if not isinstance(files, dict):
        return False
    return all(name in files and _size(folder / name) == files[name] for name in names or files)


def sizes(folder: Path) -> dict[str, int]:
    """Bytes of the files that are written beside verdict.json, of those that are there."""
    names = (VIDEO, PICTURE, PAGE, MEASURES)
    return {name: size for name in names if (size := _size(folder / name)) is not None}


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None
