"""CSV: every measure of every squat of one video, and every squat of a folder of videos."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from deepsquat.files import written_whole
from deepsquat.predict.terms import term

MEASURES = ("squat", "start", "bottom", "end", "verdict", "measure", "value", "unit")
SUMMARY = ("video", "squat", "start", "bottom", "end", "partial", "verdict", "p_good", "faults", "reasons")


def numbers(partial: Iterable[bool]) -> list[int | None]:
    """What each squat is called, from 1 on; None for one that the clip cuts off, which does not count."""
    found: list[int | None] = []
    for cut_off in partial:
        found.append(None if cut_off else 1 + sum(number is not None for number in found))
    return found


def write_measures(path: Path, repetitions: Sequence[Mapping[str, Any]]) -> None:
    """One row a squat and measure. repetitions: as verdict.json has them."""
    rows: list[tuple[Any, ...]] = []
    for number, one in _numbered(repetitions):
        for name, value in one["measures"].items():
            times = (one["start"], one["bottom"], one["end"])
            rows.append((number, *times, one["verdict"], name, value, term(name).unit))
    _write(path, MEASURES, rows)


def write_summary(path: Path, videos: Iterable[tuple[str, Sequence[Mapping[str, Any]]]]) -> None:
    """One row a video and squat; a video without a squat has one row, which names it alone.

    videos: each one's path as it shall be named, and its repetitions as verdict.json has them.
    """
    rows: list[tuple[Any, ...]] = []
    for video, repetitions in videos:
        if not repetitions:
            rows.append((video, *[None] * (len(SUMMARY) - 1)))
        for number, one in _numbered(repetitions):
            values = {**one, "faults": " ".join(one["faults"]), "reasons": "; ".join(one["reasons"])}
            rows.append((video, number, *(values[name] for name in SUMMARY[2:])))
    _write(path, SUMMARY, rows)


def _numbered(repetitions: Sequence[Mapping[str, Any]]) -> Iterable[tuple[int | None, Mapping[str, Any]]]:
    return zip(numbers(one["partial"] for one in repetitions), repetitions, strict=True)


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with (
        written_whole(path) as temporary,
        temporary.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
