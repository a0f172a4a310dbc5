"""The card of the model that is shipped, in Markdown."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from deepsquat.champion import Champion

if TYPE_CHECKING:
    from deepsquat.commands.promote import Measured

_TEXT = """# {name}

Tells good squats from bad ones by the images of a pose, and reads how far each fault goes. `src/promote.py`
made this folder; `model.json` has every value that judging needs, and `deepsquat.champion.load()` reads both.

## Made of

{trained} None of them was filmed, and no real squat was seen in training. Runs {runs}, promoted at commit
{commit}. Whether a squat is good follows from limits on seven measures of the body, which stand under
`standards` in `model.json`; `deepsquat.measures` says where they come from.

## How well it does

Squats are judged by the mean logit of {frames} around their bottom. In the last column but one what
the network says of one good squat of the same person was subtracted first. The temperature and the thresholds
were fitted on other made-up people than those of the table, on no real ones.

| squats of | number | AUC | balanced, at the usual standard | AUC less a reference | calibration error |
| --- | --- | --- | --- | --- | --- |
{rows}

## Limits

- It ranks better than it decides: every set of labels has its own standard of what is good, and the threshold
  is that of ours. The calibration error on real people says so.
- The verdict counts {counted}. The other faults are read too, but a camera's two points of a foot are too
  coarse for most of them: do not trust them alone.
- It was trained on squats at their bottom, with the whole body in the picture. Movements that are no squats
  get a probability too, which means nothing.
- UI-PRMD's squats are markers of motion capture through a virtual camera: a pose estimator's errors come on
  top.
- It is no medical advice, and knows nothing of loads, pain or injuries.

## Licence

MIT, as the project. The made-up people are the project's own; UI-PRMD (public domain) was only tested on.
"""


def card(model: Champion, measured: "Mapping[str, Measured]") -> str:
    """The card's text; measured: by the name of a source."""
    rows = [
        f"| {name} | {found.squats} | {found.auc:.3f} | {found.balanced_accuracy:.1%} | "
        f"{found.auc_with_reference:.3f} | {found.calibration_error:.3f} |"
        for name, found in measured.items()
    ]
    data, n = model.made_of["data"], 2 * model.frames.each_side + 1
    counted = getattr(model.target, "counted", ())
    return _TEXT.format(
        name=model.name,
        trained=f"Squats of {data['people']} made-up people and their like, other ones in every epoch,\n"
        f"seen from every side with {data['noise']} times the errors of a pose estimator.",
        runs=", ".join(model.made_of["runs"]),
        commit=model.made_of["commit"] or "unknown",
        frames=f"{n} images" if n > 1 else "the image",
        rows="\n".join(rows),
        counted=", ".join(name.replace("_", " ") for name in counted) or "what it learned from labels",
    )
