"""What a run says on the terminal: its data before the first epoch, its results at the end."""

from collections.abc import Mapping, Sequence

from deepsquat.runs.choices import Choices
from deepsquat.split import PARTS, Audit
from deepsquat.terminal import say
from deepsquat.trainer.batches import SquatData
from deepsquat.trainer.predictions import Interval, Predictions, interval


def say_data(choices: Choices, data: SquatData, crossing: Audit) -> None:
    """The protocol, the sizes of the parts, and what they share."""
    say(f"Protocol {choices.protocol}: {choices.protocol_note}.")
    say(
        f"Split by {choices.split.by}: "
        + ", ".join(f"{part} {squats} squats ({n} images)" for part, (squats, n) in data.counts().items())
    )
    if data.unlabelled:
        say(f"Note: {data.unlabelled} more squats have no label, and are left out.")
    for line in crossing.lines():
        say(f"Note: {line}.")


def say_results(
    choices: Choices,
    run_id: str,
    found: Mapping[str, Predictions],
    metrics: Mapping[str, float],
    more: Sequence[str],
    how_to_look: str,
) -> None:
    """A table of the parts, what more there is to say, and how to look at the run."""
    name = choices.target.loss_name
    width = max(8, len(name) + 2)
    say(f"\n{'':8}{'loss':>8}{name:>{width}}{'accuracy':>10}{'squats':>9}   right, with 95 % interval")
    for part in PARTS:
        loss, own, accuracy = (metrics[f"{part}/{measure}"] for measure in ("loss", name, "accuracy"))
        line = f"{part:8}{loss:8.3f}{own:{width}.3f}{accuracy:10.1%}"
        if part in found:
            label, p_good = found[part].per_squat()
            right = int(((p_good > 0.5) == label).sum())
            line += f"{right / len(label):9.1%}   {right} of {len(label)}; {_words(interval(found[part]))}"
        say(line)
    if more:
        say("", *more)
    say(f"\nRun {run_id} ({choices.protocol_note}). To look at it: {how_to_look}")


def _words(found: Interval) -> str:
    if found.low is None or found.high is None:
        return f"no interval: {found.over}"
    return f"{found.low:.0%} to {found.high:.0%}, 95 % interval over {found.over}"
