"""Every swept value is looked at before the first trial, so that no mistake waits for its turn."""

from collections.abc import Callable, Collection
from typing import TypeVar

from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from deepsquat.errors import UserError
from deepsquat.study.options import StudyOptions
from deepsquat.study.space import Params, Space

Seen = TypeVar("Seen")


def looked_at(space: Space, params: Params, look: Callable[[Params], Seen]) -> Seen:
    """What `look` finds at a point, such as its config.

    Raises:
        UserError: a config cannot be composed, or the project refuses it. The values stand before the reason.
    """
    try:
        return look(params)
    except (UserError, HydraException, OmegaConfBaseException) as error:
        values = " ".join(space.values(params))
        reason = _reason(error)
        raise UserError(f"{values}: {reason}" if values else reason) from error


def check_objective(options: StudyOptions, metrics: Collection[str] | None) -> None:
    """
    Raises:
        UserError: no trial returns the objective.
    """
    if options.objective is None or metrics is None:
        return
    missing = [name for name in options.objectives if name not in metrics]
    if missing:
        raise UserError(
            f"hydra.sweeper.objective: no trial returns {', '.join(missing)}; there are {', '.join(metrics)}"
        )


def _reason(error: Exception) -> str:
    """The message in one line, without Hydra's advice on other ways to write it."""
    text = str(error).split("Config search path:")[0]
    lines = [line.strip() for line in text.splitlines()]
    return " ".join(line for line in lines if line and not line.startswith("To append to your config"))
