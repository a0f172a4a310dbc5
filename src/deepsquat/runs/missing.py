"""Pictures of an offline run that was made where nothing could draw them."""

from pathlib import Path

from deepsquat.runs import files, pictures
from deepsquat.tracking import run_folder


def draw_missing(folder: Path, run_id: str, target: Path) -> None:
    """Writes the curves, confusion matrices and reliability that the run in `folder` lacks into `target`.

    Raises:
        UserError: the run's files are damaged.
    """
    names = run_folder.artifacts(folder)
    if files.PREDICTIONS not in names or not pictures.can_draw():
        return
    if "curves.png" not in names:
        record = run_folder.read_record(folder)
        rows = run_folder.by_step(run_folder.read_metrics(folder), files.CURVES)
        whole = [row for row in rows if all(key in row for key in files.CURVES)]
        if whole:
            split = record.tags.get("split", "").replace("_", " ")
            pictures.curves(whole, target / "curves.png", f"{record.name}, split {split} ({run_id[:8]})")
    of_squats = {"confusion.png": files.write_confusion, "reliability.png": files.write_reliability}
    missing = [name for name in of_squats if name not in names]
    predictions = files.read_predictions(folder / run_folder.ARTIFACTS / files.PREDICTIONS) if missing else {}
    for name in missing:
        of_squats[name](target / name, predictions)
