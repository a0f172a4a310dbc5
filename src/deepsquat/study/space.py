"""From overrides in Hydra's words to the search space of a study."""

import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import optuna
from hydra.core.override_parser.types import IntervalSweep, Override, QuotedString, RangeSweep, Transformer
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from deepsquat.errors import UserError

Value = None | bool | int | float | str
Params = dict[str, Any]  # a point: a value for each axis that is there, by its name
Conditions = tuple[tuple[str, Any], ...]  # names of axes, and the choice that each must be


def in_words(params: Mapping[str, Any]) -> str:
    """A point as it is read: three digits of a number; the exact values stand in the study."""
    return " ".join(f"{name}={f'{v:.3g}' if isinstance(v, float) else v}" for name, v in params.items())


MOST_LOOKED_AT = 200  # points of a grid that are all looked at before the first trial


@dataclass(frozen=True)
class Axis:
    """One swept value.

    name: the study's for it: that of the value, with the choice that it depends on where several have one of
    their own. words: as the user typed it. texts: what stands after "=" for each choice; None where it is a
    number. under: the axes and their choices without which it is not there.
    """

    name: str
    key: str  # the name with Hydra's "+" before it where one was typed
    words: str
    distribution: BaseDistribution
    texts: tuple[str, ...] | None
    target: str  # the name of the value in the config
    under: Conditions = ()

    def is_there(self, params: Mapping[str, Any]) -> bool:
        """Whether a point with these values of the axes before has this one."""
        return all(name in params and params[name] == choice for name, choice in self.under)

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
    """axes: what is swept, in the order of the overrides, one that depends on another after it.

    fixed: overrides that every trial takes.
    """

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
        return [*self.fixed, *self.values(params)]

    def values(self, params: Mapping[str, Any]) -> list[str]:
        """A point's overrides alone."""
        return [axis.override(params[axis.name]) for axis in self.axes if axis.name in params]

    def is_whole(self, params: Mapping[str, Any]) -> bool:
        """Whether a point has a value for every axis that is there."""
        return all(axis.name in params for axis in self.axes if axis.is_there(params))

    def first(self) -> Params:
        """The point of all first values."""
        return self.filled({})

    def filled(self, some: Mapping[str, Any]) -> Params:
        """A point with these values, as far as their axes are there, and the first values of the others."""
        params: Params = {}
        for axis in self.axes:
            if axis.is_there(params):
                params[axis.name] = some.get(axis.name, axis.ends()[0])
        return params

    def samples(self, is_group: Callable[[str], bool]) -> Iterator[Params]:
        """Points that show every choice and both ends of what is a number.

        All combinations where these are not many; else each value with the others' first ones, under every
        option of the axes that choose a group's option, since those decide which values there are.
        """
        some = list(itertools.islice(self._combined(self.axes), MOST_LOOKED_AT + 1))
        if len(some) <= MOST_LOOKED_AT:
            yield from some
            return
        groups = [axis for axis in self.axes if is_group(axis.target)]
        for chosen in itertools.islice(self._combined(groups), MOST_LOOKED_AT):
            first = self.filled(chosen)
            yield first
            for axis in self.axes:
                if axis not in groups and axis.name in first:
                    for value in axis.ends()[1:]:
                        yield self.filled({**chosen, axis.name: value})

    def _combined(self, axes: Sequence[Axis]) -> Iterator[Params]:
        """Every combination of the ends of those that are there, the last one running fastest."""

        def further(params: Params, rest: Sequence[Axis]) -> Iterator[Params]:
            if not rest:
                yield params
            elif rest[0].is_there(params):
                for value in rest[0].ends():
                    yield from further({**params, rest[0].name: value}, rest[1:])
            else:
                yield from further(params, rest[1:])

        yield from further({}, axes)

    def words(self) -> dict[str, str]:
        """What is swept, as typed; with a choice before it where it depends on one."""
        return {
            " ".join([*(f"{name}={choice}:" for name, choice in axis.under), axis.key]): axis.words
            for axis in self.axes
        }


def parse(params: Mapping[str, Any], arguments: Sequence[str], parser: Any, discrete: bool) -> Space:
    """The space of `hydra.sweeper.params` and the command line, which replaces what has the same name.

    parser: Hydra's OverridesParser. discrete: a range is a list of values, as a grid has them, and no number.

    Raises:
        UserError: what is swept cannot be, such as a choice without values.
    """
    typed = {_name(override): override for override in parser.parse_overrides(list(arguments))}
    axes: list[Axis] = []

    def add(params: Mapping[str, Any], under: Conditions) -> None:
        for key, words in params.items():
            branches = words if isinstance(words, Mapping) else {}
            if isinstance(words, Mapping):
                words = ",".join(map(str, words))
            (override,) = parser.parse_overrides([f"{key}={words}"])
            name = _name(override)
            if not override.is_sweep_override():
                raise UserError(
                    f"hydra.sweeper.params: {override.input_line} is one value, and nothing to sweep; "
                    "write several as 1,2, or a list of lists as choice([1],[2])"
                )
            override = typed.get(name, override)
            if name in typed and under:
                continue  # one value, or one axis, whatever is chosen: it comes with what is typed
            chosen: list[tuple[Any, Conditions]] = []
            if override.is_sweep_override():
                axis = _axis(override, discrete)
                axes.append(replace(axis, under=under))
                chosen = [(choice, ((name, choice),)) for choice in axis.ends()]
            elif branches:
                chosen = [(override.value(), ())]
            for choice, condition in chosen if branches else []:
                further = {str(key): values for key, values in branches.items()}.get(str(choice)) or {}
                if not isinstance(further, Mapping):
                    raise UserError(
                        f"hydra.sweeper.params: under {name}: {choice} stands what depends on it, as in "
                        f"{{model.dropout: '0,0.5'}}, got {further!r}"
                    )
                add(further, (*under, *condition))

    add(params, ())
    known = {axis.target for axis in axes if not axis.under}
    axes += [_axis(o, discrete) for name, o in typed.items() if o.is_sweep_override() and name not in known]
    fixed = tuple(o.input_line or "" for o in typed.values() if not o.is_sweep_override())
    return Space(_named(axes), fixed)


def _named(axes: Sequence[Axis]) -> tuple[Axis, ...]:
    """With names of their own for those of one value that depend on different choices."""
    targets = Counter(axis.target for axis in axes)
    if twice := next((a for a in axes if targets[a.target] > 1 and not a.under), None):
        raise UserError(
            f"hydra.sweeper.params: {twice.target} is swept alone and under a choice; take one of them"
        )
    return tuple(
        axis
        if targets[axis.target] == 1
        else replace(axis, name=f"{axis.target} ({', '.join(str(choice) for _, choice in axis.under)})")
        for axis in axes
    )


def _name(override: Override) -> str:
    return override.key_or_group + (f"@{override.package}" if override.package else "")


def _axis(override: Override, discrete: bool) -> Axis:
    name, key = _name(override), override.get_key_element()
    words = (override.input_line or "").split("=", 1)[1]
    value = override.value()
    if getattr(value, "shuffle", False):
        raise UserError(f"{override.input_line}: shuffle draws another order at each start; leave it out")
    if isinstance(value, IntervalSweep):
        return Axis(name, key, words, _interval(override, value), None, name)
    if isinstance(value, RangeSweep) and not discrete:
        return Axis(name, key, words, _range(override, value), None, name)
    texts = tuple(override.sweep_string_iterator())
    choices = tuple(
        _plain(v, t) for v, t in zip(override.sweep_iterator(Transformer.identity), texts, strict=True)
    )
    if not choices:
        raise UserError(f"{override.input_line} has no values")
    if len(set(choices)) < len(choices):
        raise UserError(f"{override.input_line} names a value twice")
    return Axis(name, key, words, CategoricalDistribution(choices), texts, name)


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
