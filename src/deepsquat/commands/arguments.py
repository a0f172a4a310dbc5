"""From a config's values to the arguments of somebody's class or function: its signature is the schema."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import make_dataclass
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from deepsquat.errors import UserError


def fitted(
    made: Callable[..., Any], values: Mapping[str, Any], key: str, given: Mapping[str, Any], first: int = 0
) -> dict[str, Any]:
    """The arguments for `made`: the values, of the types that it names, and of `given` what it has.

    key: where the values stand in the config. first: so many leading parameters are not the config's.

    Raises:
        UserError: a value that it does not have, one of another type, or one that is missing.
    """
    parameters = list(_parameters(made, key).values())[first:]
    named = {p.name: p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    own = [name for name in named if name not in given]
    takes_all = any(p.kind == p.VAR_KEYWORD for p in parameters)
    for name in values:
        if name in given:
            raise UserError(f"{key}.{name} is set by the images; leave it out")
        if name not in named and not takes_all:
            has = f"it has {', '.join(own)}" if own else "it has none"
            raise UserError(f"{key}.{name}: {_name(made)} has no value of this name; {has}")
    hints = _hints(made)
    arguments = _typed({name: (hints.get(name, Any), value) for name, value in values.items()}, key)
    arguments |= {name: value for name, value in given.items() if name in named}
    missing = [n for n, p in named.items() if p.default is p.empty and n not in arguments]
    if missing:
        raise UserError(f"{key}.{missing[0]}: {_name(made)} needs it; give +{key}.{missing[0]}=VALUE")
    return arguments


def _parameters(made: Callable[..., Any], key: str) -> Mapping[str, inspect.Parameter]:
    if not callable(made):
        raise UserError(f"{key}._target_: {made!r} is no class or function")
    try:
        return inspect.signature(made).parameters
    except ValueError as error:
        raise UserError(f"{key}._target_: {_name(made)} does not say what it takes") from error


def _name(made: Callable[..., Any]) -> str:
    return getattr(made, "__qualname__", repr(made))


def _hints(made: Callable[..., Any]) -> dict[str, Any]:
    function = made.__init__ if isinstance(made, type) else made  # type: ignore[misc]
    try:
        return get_type_hints(function)
    except Exception:  # names that its module does not have while it runs
        return {}


def _typed(values: Mapping[str, tuple[Any, Any]], key: str) -> dict[str, Any]:
    """Each value as its type, checked and converted by OmegaConf where it knows the type."""
    known = {name: hint if _is_known(hint) else Any for name, (hint, _) in values.items()}
    schema = OmegaConf.structured(make_dataclass("Arguments", list(known.items())))
    try:
        node = OmegaConf.merge(schema, {name: value for name, (_, value) in values.items()})
        found = vars(OmegaConf.to_object(node))
    except OmegaConfBaseException as error:
        raise UserError(f"{key}.{error.full_key}: {str(error).splitlines()[0]}") from error
    return {name: tuple(v) if _is_tuple(known[name], v) else v for name, v in found.items()}


def _is_known(hint: Any) -> bool:
    try:
        OmegaConf.structured(make_dataclass("Argument", [("value", hint)]))
    except Exception:  # OmegaConf's and Python's own: it knows few types, and raises many
        return False
    return True


def _is_tuple(hint: Any, value: Any) -> bool:
    """OmegaConf gives a list for a tuple."""
    options = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    return isinstance(value, list) and any(tuple in (option, get_origin(option)) for option in options)


def typed(overrides: Sequence[str], group: str) -> set[str]:
    """The names of a group's values that are set in Hydra's words, with or without + before them."""
    from hydra.core.override_parser.overrides_parser import OverridesParser

    parsed = OverridesParser.create().parse_overrides(list(overrides))
    keys = [o.key_or_group.split(".") for o in parsed if not o.is_delete()]
    return {words[1] for words in keys if words[0] == group and len(words) > 1}
