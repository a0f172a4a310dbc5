"""From overrides in Hydra's words to the search space of a study."""

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import optuna
from hydra.core.override_parser.types import IntervalSweep, Override, QuotedString, RangeSweep, Transformer
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from deepsquat.errors import UserError

Value = None | bool | int | float | str
Params = dict[str, Any]  # a point: a value for each axis, by its name


def in_words(params: Mapping[str, Any]) -> str:
    """A point as it is read: three digits of a number; the exact values stand in the study."""
    return " ".join(f"{name}={f'{v:.3g}' if isinstance(v, float) else v}" for name, v in params.items())


MOST_LOOKED_AT = 200  # points of a grid that are all looked at before the first trial


@dataclass(frozen=True)
class Axis:
    """One swept value.

    words: as the user typed it. texts: what stands after "=" for each choice; None where it is a number.
    """

    name: str
    key: str  # the name with Hydra's "+" before it where one was typed
    words: str
    distribution: BaseDistribution
    texts: tuple[str, ...] | None

    def override(self, value: Any) -> str:
        if self.texts is None:
            return f"{self.key}={value!r}"
        assert isinstance(self.distribution, CategoricalDistribution)
        return f"{self.key}={self.texts[int(self.distribution.to_internal_repr(value))]}"

    def ends(self) -> tuple[Any, ...]:
        """All choices, or the lowest and the highest number."""
        known = self.distribution
        if isinstance(known, CategoricalDistribution):
            return tuple(known.choices)
        return (known.low, known.high)  # type: ignore[attr-defined]

    def suggest(self, trial: optuna.Trial) -> Any:
        known = self.distribution
        if isinstance(known, CategoricalDistribution):
            return trial.suggest_categorical(self.name, known.choices)
        if isinstance(known, IntDistribution):
            return trial.suggest_int(self.name, known.low, known.high, step=known.step, log=known.log)
        assert isinstance(known, FloatDistribution)
        return trial.suggest_float(self.name, known.low, known.high, step=known.step, log=known.log)


@dataclass(frozen=True)
class Space:
    """axes: what is swept, in the order of the overrides. fixed: overrides that every trial takes."""

    axes: tuple[Axis, ...]
    fixed: tuple[str, ...]

    @property
    def is_finite(self) -> bool:
        return all(isinstance(axis.distribution, CategoricalDistribution) for axis in self.axes)

    def grid(self) -> list[Params]:
        """All points, the last axis running fastest, as with Hydra's own sweeper."""
        assert self.is_finite
        return list(self._combined(self.axes))

    def distributions(self) -> dict[str, BaseDistribution]:
        return {axis.name: axis.distribution for axis in self.axes}

    def overrides(self, params: Mapping[str, Any]) -> list[str]:
        """A point's overrides, with the fixed ones."""
        return [*self.fixed, *(axis.override(params[axis.name]) for axis in self.axes)]

    def first(self) -> Params:
        """The point of all first values."""
        return {axis.name: axis.ends()[0] for axis in self.axes}

    def samples(self, is_group: Callable[[str], bool]) -> Iterator[Params]:
        """Points that show every choice and both ends of what is a number.

        All combinations where these are not many; else each value with the others' first ones, under every
        option of the axes that choose a group's option, since those decide which values there are.
        """
        if math.prod(len(axis.ends()) for axis in self.axes) <= MOST_LOOKED_AT:
            yield from self._combined(self.axes)
            return
        groups = [axis for axis in self.axes if is_group(axis.name)]
        for chosen in itertools.islice(self._combined(groups), MOST_LOOKED_AT):
            yield {**self.first(), **chosen}
            for axis in self.axes:
                if axis not in groups:
                    for value in axis.ends()[1:]:
                        yield {**self.first(), **chosen, axis.name: value}

    def _combined(self, axes: Sequence[Axis]) -> Iterator[Params]:
        for values in itertools.product(*(axis.ends() for axis in axes)):
            yield dict(zip((axis.name for axis in axes), values, strict=True))

    def words(self) -> dict[str, str]:
        return {axis.key: axis.words for axis in self.axes}


def parse(params: Mapping[str, str], arguments: Sequence[str], parser: Any, discrete: bool) -> Space:
    """The space of `hydra.sweeper.params` and the command line, which replaces what has the same name.

    parser: Hydra's OverridesParser. discrete: a range is a list of values, as a grid has them, and no number.

    Raises:
        UserError: what is swept cannot be, such as a choice without values.
    """
    merged: dict[str, Override] = {}
    for override in parser.parse_overrides([f"{key}={words}" for key, words in params.items()]):
        if not override.is_sweep_override():
            raise UserError(
                f"hydra.sweeper.params: {override.input_line} is one value, and nothing to sweep; "
                "write several as 1,2, or a list of lists as choice([1],[2])"
            )
        merged[_name(override)] = override
    for override in parser.parse_overrides(list(arguments)):
        merged[_name(override)] = override
    axes = tuple(_axis(o, discrete) for o in merged.values() if o.is_sweep_override())
    fixed = tuple(o.input_line or "" for o in merged.values() if not o.is_sweep_override())
    return Space(axes, fixed)


def _name(override: Override) -> str:
    return override.key_or_group + (f"@{override.package}" if override.package else "")


def _axis(override: Override, discrete: bool) -> Axis:
    name, key = _name(override), override.get_key_element()
    words = (override.input_line or "").split("=", 1)[1]
    value = override.value()
    if getattr(value, "shuffle", False):
        raise UserError(f"{override.input_line}: shuffle draws another order at each start; leave it out")
    if isinstance(value, IntervalSweep):
        return Axis(name, key, words, _interval(override, value), None)
    if isinstance(value, RangeSweep) and not discrete:
        return Axis(name, key, words, _range(override, value), None)
    texts = tuple(override.sweep_string_iterator())
    choices = tuple(
        _plain(v, t) for v, t in zip(override.sweep_iterator(Transformer.identity), texts, strict=True)
    )
    if not choices:
        raise UserError(f"{override.input_line} has no values")
    if len(set(choices)) < len(choices):
        raise UserError(f"{override.input_line} names a value twice")
    return Axis(name, key, words, CategoricalDistribution(choices), texts)


def _plain(value: Any, text: str) -> Value:
    """What Optuna keeps of a choice: lists and dicts as they are typed."""
    if isinstance(value, QuotedString):
        return value.text
    return value if value is None or isinstance(value, bool | int | float | str) else text


def _interval(override: Override, value: IntervalSweep) -> BaseDistribution:
    assert value.start is not None and value.end is not None
    log = "log" in value.tags
    try:
        if isinstance(value.start, int) and isinstance(value.end, int):
            return IntDistribution(value.start, value.end, log=log)
        return FloatDistribution(value.start, value.end, log=log)
    except ValueError as error:
        raise UserError(f"{override.input_line}: {error}") from error


def _range(override: Override, value: RangeSweep) -> BaseDistribution:
    values = list(value.range())
    if not values:
        raise UserError(f"{override.input_line} has no values")
    low, high, step = min(values), max(values), abs(value.step)
    if all(isinstance(v, int) for v in values):
        return IntDistribution(low, high, step=int(step) if step else 1)
    steps = round((high - low) / step)
    return FloatDistribution(low, math.fsum([low, steps * step]), step=step)
