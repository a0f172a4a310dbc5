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
    told: Sequence[Mapping[str, Any]],
    space: Space,
    compose: Callable[[Sequence[str]], DictConfig],
    is_group: Callable[[str], bool],
) -> list[Params]:
    """Whole points of the space. What one leaves out is as the config has it under the options it chooses.

    compose: a config from overrides.

    Raises:
        UserError: a name that is not swept, or a value outside of what is.
    """
    return [_first_point(values, space, compose, is_group) for values in told]


def _first_point(
    values: Mapping[str, Any],
    space: Space,
    compose: Callable[[Sequence[str]], DictConfig],
    is_group: Callable[[str], bool],
) -> Params:
    names = [axis.name for axis in space.axes]
    if unknown := [name for name in values if name not in names]:
        raise UserError(f"{_KEY}: {unknown[0]} is not swept; there are {', '.join(names)}")
    point: Params = {}
    options: list[str] = []
    config = compose(space.fixed)
    for axis in space.axes:
        if not axis.is_there(point):
            continue
        group = is_group(axis.target)
        chosen = config.hydra.runtime.choices
        own = chosen.get(axis.target) if group else OmegaConf.select(config, axis.target)
        point[axis.name] = within(axis, values.get(axis.name, own), given=axis.name in values)
        if group:
            options.append(axis.override(point[axis.name]))
            config = compose([*space.fixed, *options])
    if strange := [name for name in values if name not in point]:
        raise UserError(f"{_KEY}: {strange[0]} is not there under what else it chooses; leave it out")
    return point


def within(axis: Axis, value: Any, given: bool) -> Any:
    """The value as the axis has it."""
    known = axis.distribution
    plain = OmegaConf.to_container(value) if OmegaConf.is_config(value) else value
    if isinstance(known, CategoricalDistribution):
        for choice in known.choices:
            alike = choice == plain and type(choice) is not bool and type(plain) is not bool
            if alike or choice is plain or as_text(choice) == as_text(plain):
                return choice
    elif isinstance(plain, int | float) and not isinstance(plain, bool):
        number = known.to_external_repr(float(plain))
        if known._contains(known.to_internal_repr(number)) and number == plain:
            return number
    whose = "" if given else "the config's own "
    raise UserError(f"{_KEY}: {whose}{axis.name}={plain} is not among what is swept, {axis.words}")


def as_text(value: Any) -> str:
    """As Hydra reads it, without spaces and quotes, by which alike values may differ."""
    text = value if isinstance(value, str) else hydra_text(value)
    return text.replace(" ", "").replace("'", "")
