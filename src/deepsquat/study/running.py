"""What the task function says of its progress to the sweep that runs it; outside of a sweep, to nobody."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


class Pruned(Exception):
    """The sweep has seen enough of this trial: clean up and let it pass."""


@dataclass(frozen=True)
class Running:
    """The trial of this process. objective: what is reported of the metrics; None where there are several."""

    trial: Any  # optuna.Trial
    objective: str | None


_running: Running | None = None
_reached: tuple[int, int] | None = None


def set_running(running: Running | None) -> None:
    global _running, _reached
    _running, _reached = running, None


def reached() -> tuple[int, int, int] | None:
    """The number of this process's trial, its epoch, and of how many; None where that is not known."""
    running, where = _running, _reached
    return None if running is None or where is None else (running.trial.number, *where)


def report(metrics: Mapping[str, float], step: int, epochs: int | None = None) -> None:
    """Hands the objective's value at `step` (an epoch, a fold) to the study. epochs: that there will be.

    Raises:
        Pruned: the study's pruner ends this trial here.
    """
    global _reached
    begins, _reached = _reached is None, None if epochs is None else (step, epochs)
    if _running is None or _running.objective is None:
        return
    if begins and epochs is not None:
        _running.trial.set_user_attr("epochs", epochs)
    if _running.objective not in metrics:
        return
    value = metrics[_running.objective]
    _running.trial.report(value, step)
    if _running.trial.should_prune():
        raise Pruned(f"pruned at step {step}, {_running.objective} {value:.4g}")


@contextmanager
def unheard() -> Iterator[None]:
    """What the block reports reaches nobody: it is a part, such as a fold, of which the whole will report."""
    global _running
    before, _running = _running, None
    try:
        yield
    finally:
        _running = before
