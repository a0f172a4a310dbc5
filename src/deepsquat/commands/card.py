"""The card of the model that is shipped, in Markdown."""

import textwrap
from collections.abc import Mapping

from deepsquat.champion import Champion
from deepsquat.commands.quality import Measured, in_words

_WIDTH = 120
_TEXT = """
# {name}

Tells good squats from bad ones by the images of a pose, and reads how far each fault goes. `src/promote.py`
made this folder; `model.json` has every value that judging needs, and `deepsquat.champion.load()` reads both
files.

## Made of

Squats of made-up people at their bottom, seen from every side with {noise} times the errors of a pose
estimator. None was filmed. {real} Whether one is good follows from limits
on seven measures of the body, which stand under `standards` in `model.json`; `deepsquat.measures` says where
they come from. Under `made_of` stand the options of the data, and the runs: {runs}.

## How well it does

Squats are judged by the mean logit of {images} around their bottom. In the fifth and sixth column what the
network says of one good squat of the same person was subtracted first, every good squat in turn. Where an
interval stands, it is of 95 %, over people. {fitted}

{table}

## Limits

- It ranks better than it decides: every set of labels has its own standard of what is good, and the threshold
  is {whose}. The calibration error on real people says so.

- The verdict adds up {counted}, and is no better than the plainest of all eight faults allows. Heels and toes
  are read off two points of a foot, which are coarse: where they leave the floor a little, nothing is said.

- It was trained on squats at their bottom, with the whole body in the picture. Movements that are no squats
  get a probability too, which means nothing.

- UI-PRMD's squats are markers of motion capture through a virtual camera, and no films: a pose estimator's
  errors are its own.

- It is no medical advice, and knows nothing of loads, pain or injuries.

## Licence

MIT, as the project's. The made-up people are the project's own.{data}
"""
_DRAWN_ALONE = {
    "real": "No real squat was seen in training.",
    "fitted": (
        "Temperature and thresholds were fitted on other made-up people than those of the table, "
        "and on no real ones."
    ),
    "whose": "that of ours",
    "data": "",
}
_LEFT_OUT = {
    "fitted": (
        "Temperature, shift and thresholds were fitted on other made-up people than those of the table and "
        "on real people whom the trainings left out in turn, both with as much weight. How real people are "
        "judged is said of networks and of numbers that know nothing of them: both are of the others alone."
    ),
    "whose": "between ours and that of the people it was fitted on",
}
_PUBLIC = " UI-PRMD is in the public domain (PDDL 1.0); none of its recordings is in this folder."


def card(model: Champion, measured: Mapping[str, Measured]) -> str:
    """The card's text; measured: by the name of a source."""
    n, counted = 2 * model.frames.each_side + 1, getattr(model.target, "counted", ())
    told = {
        "name": model.name,
        "noise": model.made_of["data"]["noise"],
        "runs": ", ".join(model.made_of["runs"]),
        "images": f"{n} images" if n > 1 else "the image",
        "table": _table(measured),
        "counted": ", ".join(name.replace("_", " ") for name in counted) or "what it learned from labels",
        **_DRAWN_ALONE,
        **(_LEFT_OUT if "folds" in model.made_of else {}),
        **_beside(model.made_of.get("beside", {})),
    }
    return _together([_wrapped(part.format(**told)) for part in _TEXT.strip().split("\n\n")])


def _beside(others: "Mapping[str, Mapping[str, str]]") -> dict[str, str]:
    """What is said of the real people that a network learned from beside made-up ones."""
    if not others:
        return {}
    sources = ", ".join(dict.fromkeys(str(one["source"]) for one in others.values()))
    learned = f"Beside them stood squats of {sources}, of which the measures of the bodies were learned."
    said = {"real": f"{learned} No label of theirs was."}
    if sources == "ui_prmd":
        said["data"] = _PUBLIC
    return said


def _table(measured: Mapping[str, Measured]) -> str:
    """What is not known of any of them has no column."""
    columns = {
        "squats of": list(measured),
        "number": [str(found.squats) for found in measured.values()],
        "AUC": [in_words(found.auc, found.auc_interval) for found in measured.values()],
        "balanced, usual standard": [f"{found.balanced_accuracy:.1%}" for found in measured.values()],
        "AUC less a reference": [f"{found.auc_with_reference:.3f}" for found in measured.values()],
        "balanced beside a reference": [
            f"{found.balanced_with_reference:.1%}" for found in measured.values()
        ],
        "calibration error": [f"{found.calibration_error:.3f}" for found in measured.values()],
        "camera's side, median error": [f"{found.yaw_error:.0f}°" for found in measured.values()],
    }
    known = {head: cells for head, cells in columns.items() if not all("nan" in cell for cell in cells)}
    rows = [known.keys(), ["---"] * len(known), *zip(*known.values(), strict=True)]
    return "\n".join(
        f"| {' | '.join(row)} |".replace("nan%", "–").replace("nan°", "–").replace("nan", "–") for row in rows
    )


_LABELLED = """
# {name}

Tells good squats from bad ones by the images of a pose. `src/promote.py` made this folder of the run
{runs},
which learned from labelled squats (`data={source}`); `model.json` has every value that judging needs.

## How well it does

Squats are judged by the mean logit of {images} around their bottom. Where an interval stands, it is of
95 %, over people. {fitted}

{table}

## Limits

- It knows what the labels it learned from call good, of the people and views in them.

- Squats of val and test may be of people that it was trained on: the run says how they were split.

- It is no medical advice.
"""


def labelled_card(model: Champion, measured: Mapping[str, Measured]) -> str:
    """The card's text of a model that learned from labelled squats; measured: by the name of a part."""
    n, fitted = 2 * model.frames.each_side + 1, model.temperature != 1.0
    told = {
        "name": model.name,
        "runs": ", ".join(model.made_of["runs"]),
        "source": model.made_of["data"]["source"],
        "images": f"{n} images" if n > 1 else "the image",
        "fitted": "Temperature and shift were fitted on val, both labels with as much weight."
        if fitted
        else "Temperature and shift are 1 and 0: val has too few squats to fit them, or the network "
        "does not rank val rightly.",
        "table": _table(measured),
    }
    parts = [_wrapped(part.format(**told)) for part in _LABELLED.strip().split("\n\n")]
    return _together(parts)


def _together(parts: list[str]) -> str:
    return "\n\n".join(parts).replace("\n\n- ", "\n- ").replace("Limits\n- ", "Limits\n\n- ") + "\n"


def _wrapped(part: str) -> str:
    if part.startswith(("#", "|")):
        return part
    indent = "  " if part.startswith("- ") else ""
    words = " ".join(part.split())
    return textwrap.fill(words, _WIDTH, subsequent_indent=indent, break_on_hyphens=False)
