"""The files that a run keeps: what went in, what came out, as pictures and as tables."""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from deepsquat.errors import UserError
from deepsquat.files import add_checksum, written_whole
from deepsquat.images import Images
from deepsquat.runs import mistakes, pictures
from deepsquat.runs.reliability import draw_reliability, said_of
from deepsquat.split import Item
from deepsquat.trainer.batches import Part, SquatData
from deepsquat.trainer.predictions import Predictions, confusion

CURVES = [f"{part}/{metric}" for metric in ("accuracy", "loss") for part in ("train", "val")]
PREDICTIONS = "predictions.csv"
_WORDS = ("bad", "good")
_SHEET = 32  # skeletons on a sheet


def write_inputs(folder: Path, config: Mapping[str, Any], diff: str, data: SquatData) -> None:
    """config.yaml, split.json, and code.diff where code was changed since its commit."""
    write_config(folder, config)
    members = {name: [item.id for item in part.squats] for name, part in data.parts.items()}
    _write_text(folder / "split.json", json.dumps(members, indent=1))
    if diff:
        _write_text(folder / "code.diff", diff)


def write_config(folder: Path, config: Mapping[str, Any]) -> None:
    """config.yaml, which a run is resumed from."""
    with written_whole(folder / "config.yaml") as temporary:
        temporary.write_text(yaml.safe_dump(dict(config), sort_keys=False), encoding="utf-8")
        add_checksum(temporary)


def write_samples(folder: Path, data: SquatData) -> None:
    """A sheet of skeletons that the network is trained on, with their labels, where it can be drawn."""
    if not pictures.can_draw():
        return
    train = data.parts["train"]
    rows = np.linspace(0, len(train.rows) - 1, min(_SHEET, len(train.rows))).astype(int)
    pictures.sheet(
        [train.image(i) for i in rows],
        [f"{_WORDS[int(train.label[i])]}\n{train.squats[int(train.squat[i])].id}" for i in rows],
        folder / "samples.png",
        "What the network is given: training images and their labels",
    )


def draw_results(
    folder: Path,
    source: Any,
    images: Images,
    data: SquatData,
    predictions: dict[str, Predictions],
    history: Sequence[dict[str, float]],
    title: str,
) -> None:
    """Curves, confusion matrices and the worst mistakes; a line instead where matplotlib is missing.

    source: the options of the data, whose videos are looked at once more.
    """
    if not pictures.can_draw():
        print(
            "Note: no pictures of this run, since matplotlib is not installed here; "
            "src/sync.py draws its curves and confusion matrices."
        )
        return
    pictures.curves(history, folder / "curves.png", title)
    write_confusion(folder / "confusion.png", predictions)
    write_reliability(folder / "reliability.png", predictions)
    rows = data.parts["test"].table_rows
    mistakes.write(folder / "mistakes.png", source, images, rows, predictions["test"])


def write_confusion(path: Path, predictions: Mapping[str, Predictions]) -> None:
    """Confusion matrices of each part, by image and by squat."""
    matrices = {}
    for part, found in predictions.items():
        matrices[f"{part}, images"] = confusion(found.label, found.p_good)
        matrices[f"{part}, squats"] = confusion(*found.per_squat())
    pictures.confusion_matrices(matrices, path)


def write_reliability(path: Path, predictions: Mapping[str, Predictions]) -> None:
    """How far the probabilities of each part's squats mean what they say."""
    draw_reliability(path, {f"{part}, squats": said_of(found) for part, found in predictions.items()})


def read_predictions(path: Path) -> dict[str, Predictions]:
    """What `write_predictions` wrote, by part.

    Raises:
        UserError: the file is damaged.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        if not rows:
            raise ValueError
        names = dict.fromkeys(row["part"] for row in rows)
        return {name: _as_predicted([row for row in rows if row["part"] == name]) for name in names}
    except (KeyError, TypeError, ValueError, csv.Error) as error:
        raise UserError(f"{path} is damaged; bring the run's folder over anew, or take it away") from error


def _as_predicted(rows: Sequence[Mapping[str, str]]) -> Predictions:
    _, first, squats = np.unique([row["squat"] for row in rows], return_index=True, return_inverse=True)
    label = np.array([("0", "1").index(row["label"]) for row in rows])
    items = [Item(rows[i]["squat"], rows[i]["video"], rows[i]["subject"], int(label[i])) for i in first]
    p_good = np.array([float(row["p_good"]) for row in rows])
    return Predictions(np.arange(len(rows)), squats, label, p_good, items)


def write_predictions(folder: Path, data: SquatData, predictions: dict[str, Predictions]) -> None:
    """Every prediction, as predictions.csv."""
    with (
        written_whole(folder / PREDICTIONS) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as file,
    ):
        rows = csv.writer(file)
        rows.writerow(["part", "squat", "video", "subject", "frame", "time", "copy", "label", "p_good"])
        for name, found in predictions.items():
            part: Part = data.parts[name]
            for i, p_good in enumerate(found.p_good):
                item = part.squats[found.squat[i]]
                copy, row = divmod(i, len(part.frame))
                place = [part.frame[row], f"{part.time[row]:.3f}", copy]
                rows.writerow(
                    [name, item.id, item.video, item.subject, *place, found.label[i], f"{p_good:.6f}"]
                )


def _write_text(path: Path, text: str) -> None:
    with written_whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
