"""All that is written of one video, into its folder."""

import json
import os
import sys
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from deepsquat.errors import UserError
from deepsquat.files import unwritable, written_whole
from deepsquat.predict import earlier, page, sheet, tables
from deepsquat.predict.captions import captions, first_fault
from deepsquat.predict.options import Options
from deepsquat.predict.poses import Reader, Wish
from deepsquat.predict.result import Result
from deepsquat.predict.terms import term


def write(folder: Path, result: Result, reader: Reader, options: Options, made_with: str) -> dict[str, Any]:
    """Writes every file and returns what verdict.json holds, which is written last.

    made_with: by which a later run knows whether all would be the same again.

    Raises:
        UserError: the folder cannot be written.
    """
    poses, verdicts = result.poses, result.verdicts
    said = tuple(captions(verdicts))
    at_bottom = sheet.frames(poses, [verdict.bottom for verdict in verdicts])
    wanted = tuple(sorted(set(at_bottom.values())))
    wish = Wish(said, wanted, sheet.HEIGHT, options.blur_faces)
    film = folder / earlier.VIDEO
    pictures, made_of = _pictures(film, result, reader, wish, options.annotated)
    faults = {i: first_fault(verdict) for i, verdict in enumerate(verdicts)}
    limits = result.champion.limits
    below = max(0.0, -limits.depth) if limits else 0.0
    shown = sheet.drawn(poses, at_bottom, pictures, faults, below)
    sheet.write(folder / earlier.PICTURE, shown, sheet.captions_of(verdicts))
    known = {**_known(result, options), "annotated": made_of}
    tables.write_measures(folder / earlier.MEASURES, known["repetitions"])
    beside = _reference(result, reader, options.blur_faces)
    page.write(folder / earlier.PAGE, result, shown, beside, film.name if made_of else "", options.blur_faces)
    known |= {"files": earlier.sizes(folder), "made_with": made_with}
    with written_whole(folder / earlier.VERDICT) as temporary:
        content = json.dumps(known, indent=1, ensure_ascii=False) + "\n"
        temporary.write_text(content, encoding="utf-8", errors="backslashreplace")
    return known


def _pictures(
    film: Path, result: Result, reader: Reader, wish: Wish, annotated: bool
) -> tuple[dict[int, np.ndarray], str | None]:
    """The frames that are wanted, and what the annotated video was made of; None where there is none."""
    drawn = {"captions": [asdict(caption) for caption in wish.captions], "blur": wish.blur}
    made_of = earlier.fingerprint({"poses": result.poses_key, **drawn})
    before = earlier.found(film.parent)
    try:
        if annotated and not (
            before.get("annotated") == made_of and earlier.is_whole(film.parent, before, film.name)
        ):
            with written_whole(film) as temporary:
                return reader.film(temporary, result.video, result.poses, wish), made_of
        if not annotated:
            try:
                film.unlink(missing_ok=True)
            except OSError as error:
                raise unwritable(film, error) from error
        pictures = reader.pictures(result.video, result.poses, wish) if wish.kept else {}
        return pictures, made_of if annotated else None
    except UserError as error:  # a verdict is worth having without pictures
        print(f"No pictures and no annotated video: {error}", file=sys.stderr)
        with suppress(OSError):
            film.unlink(missing_ok=True)
        return {}, None


def _reference(result: Result, reader: Reader, blur: bool) -> np.ndarray | None:
    """The picture of the good squat beside which it is judged; None where there is none."""
    if (one := result.reference) is None:
        return None
    at_bottom = sheet.frames(one.poses, [one.bottom])
    wish = Wish((), tuple(at_bottom.values()), sheet.HEIGHT, blur)
    try:
        pictures = reader.pictures(one.video, one.poses, wish)
    except UserError as error:
        print(f"No picture of the reference: {error}", file=sys.stderr)
        return None
    return sheet.drawn(one.poses, at_bottom, pictures, {})[0]


def _known(result: Result, options: Options) -> dict[str, Any]:
    champion = result.champion
    names = dict.fromkeys(name for verdict in result.verdicts for name in verdict.measures)
    return {
        "version": earlier.FORMAT,
        "video": str(result.video),
        "path": os.path.realpath(result.video),
        "sha256": result.sha256,
        "persons": result.persons,
        "seen": result.seen,
        "none_found": result.none_found,
        "repetitions": [asdict(verdict) for verdict in result.verdicts],
        "units": {name: term(name).unit for name in names},
        "reference": None
        if (one := result.reference) is None
        else {"video": str(one.video), "bottom": one.bottom, "measures": dict(one.measures)},
        "without_limbs": [dict(one) for one in result.without_limbs],
        "options": asdict(options),
        "model": {
            "name": champion.name,
            "threshold": champion.threshold,
            "shift": champion.shift,
            "temperature": champion.temperature,
            "standard": champion.standard,
            "limits": asdict(champion.limits) if champion.limits else None,
            "made_of": dict(champion.made_of),
        },
    }
