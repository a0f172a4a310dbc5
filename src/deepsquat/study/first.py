"""The points that a study tries before its sampler draws."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from omegaconf import DictConfig, OmegaConf
from optuna.distributions import CategoricalDistribution

from deepsquat.errors import UserError
from deepsquat.overrides import hydra_text
from deepsquat.study.space import Axis, Params, Space

_KEY = "hydra.sweeper.first"


def first_points(
    told: Sequence[Mapping[str, Any]], space: Space, default: DictConfig, is_group: Callable[[str], bool]
) -> list[Params]:
    """Whole points of the space. default: the config where nothing is swept; it has what a point leaves out.

    Raises:
        UserError: a name that is not swept, or a value outside of what is.
    """
    axes = {axis.name: axis for axis in space.axes}
    found = []
    for values in told:
        if unknown := [name for name in values if name not in axes]:
            raise UserError(f"{_KEY}: {unknown[0]} is not swept; there are {', '.join(axes)}")
        point = {}
        for name, axis in axes.items():
            chosen = default.hydra.runtime.choices
            own = chosen.get(name) if is_group(name) else OmegaConf.select(default, name)
            point[name] = _within(axis, values.get(name, own), given=name in values)
        found.append(point)
    return found


def _within(axis: Axis, value: Any, given: bool) -> Any:
    """The value as the axis has it."""
    known = axis.distribution
    plain = OmegaConf.to_container(value) if OmegaConf.is_config(value) else value
    if isinstance(known, CategoricalDistribution):
        for choice in known.choices:
            alike = choice == plain and type(choice) is not bool and type(plain) is not bool
            if alike or choice is plain or _text(choice) == _text(plain):
                return choice
    elif isinstance(plain, int | float) and not isinstance(plain, bool):
        number = known.to_external_repr(float(plain))
        if known._contains(known.to_internal_repr(number)) and number == plain:
            return number
    whose = "" if given else "the config's own "
    raise UserError(f"{_KEY}: {whose}{axis.name}={plain} is not among what is swept, {axis.words}")


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else hydra_text(value)
    return text.replace(" ", "").replace("'", "")
