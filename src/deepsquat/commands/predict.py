"""src/predict.py: verdicts on the squats in videos."""

import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from deepsquat.commands import weights
from deepsquat.commands.options import build
from deepsquat.commands.videos import (
    below,
    from_the_root,
    is_folder,
    is_there,
    named_below,
    named_videos,
    resolved,
)
from deepsquat.errors import UserError
from deepsquat.files import expanded

if TYPE_CHECKING:
    from deepsquat.champion import Champion
    from deepsquat.predict.options import Options
    from deepsquat.predict.poses import Reader
    from deepsquat.predict.result import Reference

_WIDE = 0.2  # a margin from which on some model may leave no verdict
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
        if not option and (begins or "=" not in word or is_there(Path(word))):
            taken.append(word)
        else:
            rest.append(word)
    words[:] = rest
    return taken


def predict(config: DictConfig, files: Sequence[str]) -> None:
    """Judges each video; ends with exit code 1 where some of several could not be, 2 where none could.

    Raises:
        UserError: no video is named, or the only one cannot be judged.
    """
    places, videos = named_videos(files, "python src/predict.py squat.mp4")
    print(f"{len(videos)} video{'s' if len(videos) > 1 else ''} to judge", flush=True)
    job = _job(config)
    failed: dict[Path, str] = {}
    judged: dict[Path, _Judged] = {}
    with closing(job.reader):
        if job.references or config.standard != "usual" or config.depth is not None or job.margin > _WIDE:
            _ = job.judge_of_all  # what is wrong with these is wrong with all videos
        for number, video in enumerate(videos, 1):
            if len(videos) > 1:
                print(f"{number} of {len(videos)}: ", end="")
            try:
                judged[video] = job.judge(video)
            except UserError as error:
                if len(videos) == 1:
                    raise
                failed[video] = str(error)
            except Exception as error:  # a defect must not cost the verdicts on the other videos
                if len(videos) == 1:
                    raise
                traceback.print_exc()
                failed[video] = f"{video}: the program failed at it ({type(error).__name__}: {error})"
    for place in places:
        if is_folder(place):
            _write_index(place, job.out / below(place), judged, failed)
    for line in failed.values():
        print(f"Not judged: {line}", file=sys.stderr)
    if failed:
        raise SystemExit(1 if judged else 2)


def _job(config: DictConfig) -> "_Job":
    margin, rate = number(config, "margin", 0, 0.5), number(config, "rate", 5, 60)
    height = None if config.height is None else number(config, "height", 100, 250)
    from deepsquat.predict.options import Options
    from deepsquat.predict.poses import Reader

    slowed = number(config, "slowed", 1, 20)
    options = Options(_switch(config, "annotated"), _switch(config, "blur_faces"), height, slowed)
    pose, data = build(config, "pose"), expanded(config.paths.data, "paths.data")
    reader, out = Reader(pose, rate, data), expanded(config.out, "out")
    place = weights.place_of(config)
    references = {}
    if config.reference is not None:
        from deepsquat.predict.references import references_of

        references = references_of(expanded(config.reference, "reference"))
    return _Job(config, out, place, margin, options, reader, references)


@dataclass(frozen=True)
class _Judged:
    """Where a video's verdicts lie, and its repetitions as verdict.json has them."""

    folder: Path
    repetitions: list[dict[str, Any]]


def _is_of_another(known: Mapping[str, Any], video: Path) -> bool:
    """Whether a folder's verdicts are on another video that is still there, as of another working folder."""
    other = known.get("path")
    return isinstance(other, str) and is_there(Path(other)) and Path(other) != resolved(video)


@dataclass
class _Job:
    """What every video is judged with."""

    config: DictConfig
    out: Path
    weights: Path | str  # as commands.weights.place_of says
    margin: float
    options: "Options"
    reader: "Reader"
    references: Mapping[Path, list[float] | None]  # as predict.references has them

    def judge(self, video: Path) -> _Judged:
        """Judges one video, or finds that an earlier run has, and says so."""
        from deepsquat.predict import earlier

        folder = self.out / below(video)
        if _is_of_another(earlier.found(folder), video):
            folder = self.out / from_the_root(video)
        _, key = self.reader.key(video)
        made_with = earlier.fingerprint(
            {
                "video": str(video.resolve()),
                "poses": key,
                "min_visibility": self.reader.pose.min_visibility,
                "model": weights.identity(self.weights),
                "margin": self.margin,
                "standard": self._standard,
                "depth": self.config.depth,
                "references": [
                    [str(resolved(path)), *self.reader.key(path), times]
                    for path, times in self.references.items()
                ],
                "options": asdict(self.options),
            }
        )
        known = earlier.found(folder)
        if known.get("made_with") == made_with and earlier.is_whole(folder, known):
            print(f"{video}: is judged already", flush=True)
            _say(known["repetitions"], known["persons"], known["none_found"])
        else:
            known = self._anew(video, folder, made_with)
        if self.options.blur_faces:
            print("  faces are hidden where a body was found: see whether one is left, as in a mirror")
        print(f"  to look at: {folder / earlier.PAGE}; {folder / earlier.VERDICT}", flush=True)
        return _Judged(folder, list(known["repetitions"]))

    def _anew(self, video: Path, folder: Path, made_with: str) -> dict[str, Any]:
        print(f"{video}: finding poses ...", flush=True)
        champion, reference = self.judge_of_all
        from deepsquat.predict import outputs, result

        found = self.reader.poses(video)
        judged = result.of(video, found, self.reader, champion, self.margin, self.options, reference)
        _say([asdict(verdict) for verdict in judged.verdicts], judged.persons, judged.none_found)
        return outputs.write(folder, judged, self.reader, self.options, made_with)

    @cached_property
    def judge_of_all(self) -> "tuple[Champion, Reference | None]":
        """The model, and the good squat beside which it judges, where one is given."""
        self.reader.warm_up()  # in its own process, while torch is loaded here
        model = weights.load(self.config, self.weights)
        from deepsquat.champion import held_to

        asked = str(self.config.standard)
        if self.references and asked not in (*model.standards, model.standard):
            raise UserError(
                f"standard={asked}: beside good squats of the same person these are the standard; leave "
                "standard= out, or reference="
            )
        model = held_to(model, asked)
        if self.config.depth is not None:
            from deepsquat.predict.depth import asking

            model = asking(model, self.config.depth)
        reference = None
        if self.references:
            from deepsquat.predict.references import beside

            model, reference = beside(model, dict(self.references), self.reader, self.options)
        if self.margin >= min(model.threshold, 1 - model.threshold):
            raise UserError(
                f"margin={self.margin:g}: good begins at a chance of {model.threshold:.0%}, so that nothing "
                f"could be told; take less than {min(model.threshold, 1 - model.threshold):.2f}"
            )
        return model, reference

    @cached_property
    def _standard(self) -> str:
        """By which a standard is known to be the same one."""
        path = expanded(self.config.standard, "standard")
        return weights.identity(path) if path.is_file() else str(self.config.standard)


def _say(repetitions: Sequence[Mapping[str, Any]], persons: int, none_found: str) -> None:
    from deepsquat.predict.tables import numbers

    for number, one in zip(numbers(one["partial"] for one in repetitions), repetitions, strict=True):
        name = "cut off" if number is None else f"squat {number}"
        print(f"  {name}  {_span(one)}  {_said(one)}")
    if not repetitions:
        print(f"  no squat was found{f': {none_found}' if none_found else ''}")
    if persons > 1:
        print(f"  {persons} people are in it; the one who squats was followed")
    sys.stdout.flush()


def _span(one: Mapping[str, Any]) -> str:
    return " ".join(
        f"{name} {time:5.1f} s" if time is not None else f"{name}    ?  "
        for name, time in (("from", one["start"]), ("bottom", one["bottom"]), ("to", one["end"]))
    )


def _said(one: Mapping[str, Any]) -> str:
    p_good = f" ({one['p_good']:.0%} good)" if one["p_good"] is not None else ""
    reasons = f": {'; '.join(one['reasons'])}" if one["reasons"] else ""
    return f"{one['verdict'].replace('_', ' ')}{p_good}{reasons}"


def _write_index(
    place: Path,
    folder: Path,
    judged: Mapping[Path, _Judged],
    failed: Mapping[Path, str],
) -> None:
    """index.html and summary.csv over the videos below a place, those that links lead to among them."""
    from deepsquat.predict import index, tables

    rows = []
    for video in sorted({*judged, *failed}):
        name = named_below(place, video)
        if name is None:
            continue
        one = judged.get(video)
        page = "" if one is None else os.path.relpath(one.folder, folder)
        rows.append(index.Row(name, one.repetitions if one else [], failed.get(video, ""), page))
    tables.write_summary(
        folder / index.SUMMARY, [(row.name, row.repetitions) for row in rows if not row.error]
    )
    index.write(folder / index.INDEX, place.resolve(), rows)
    print(f"all of {place}: {folder / index.INDEX}; {folder / index.SUMMARY}")


def number(config: DictConfig, name: str, least: float, most: float) -> float:
    value = config[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise UserError(f"{name} must be a number from {least} to {most}, got {value}")
    return float(value)


def _switch(config: DictConfig, name: str) -> bool:
    value = config[name]
    if not isinstance(value, bool):
        raise UserError(f"{name} must be true or false, got {value}")
    return value
