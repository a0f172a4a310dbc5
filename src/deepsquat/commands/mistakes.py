"""A mistake of the user in one line: what, where, what to do; also where Hydra or OmegaConf came upon it."""

import difflib
import re
import traceback
from pathlib import Path
from typing import Any

import yaml
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from deepsquat.errors import UserError

_SOURCES = Path(__file__).resolve().parents[2]
_NOT_THERE = re.compile(r"Could not (?:override|delete from config\.) '(\S+)'")
# What Hydra and OmegaConf add for those who program with them.
_ADVICE = ("To append to your config", "Set the environment variable", "object_type=", "reference_type=")


def is_mistake(error: Exception) -> bool:
    """Whether one line says enough of it; anything else is a defect and shows its traceback."""
    return isinstance(error, UserError | HydraException | OmegaConfBaseException) or _is_hydras(error)


def _is_hydras(error: Exception) -> bool:
    """None of our code was at work: Hydra could not read the command line or a config file."""
    files = [Path(frame.f_code.co_filename) for frame, _ in traceback.walk_tb(error.__traceback__)]
    ours = [file for file in files if file.parent != _SOURCES and _SOURCES in file.parents]
    return all(file.name == "run.py" for file in ours)


def one_line(error: Exception) -> str:
    """The error's message as a single line."""
    return " ".join(_said(error).split())


def _said(error: Exception) -> str:
    cause = error.__cause__
    match error:
        case UserError():
            return str(error)
        case MissingConfigException(missing_cfg_file=str(name)):
            return _no_option(error, name)
        case OverrideParseException(override=str(word)):
            return f"{word!r} cannot be read; write NAME=VALUE, and quote a value with odd characters"
        case yaml.YAMLError():
            return _torn(error)
        case OSError(filename=str(file), strerror=str(reason)):
            return f"{file}: {reason}; name another place"
        case HydraException() if isinstance(cause, OmegaConfBaseException):
            if str(error).startswith("Could not override") and cause.parent_node is not None:
                return _no_value(cause)
            return f"{_plain(error) or 'the config'}: {_plain(cause)}"
        case HydraException() if found := _NOT_THERE.match(str(error)):
            return f"there is no {found[1]} here; --help lists what can be given"
        case HydraException() | OmegaConfBaseException():
            return _plain(error)
    return f"the config cannot be put together: {_plain(error) or type(error).__name__}"


def _plain(error: BaseException) -> str:
    """The message without advice on Hydra's internals."""
    lines = [line.strip() for line in str(error).splitlines()]
    return "; ".join(line for line in lines if line and not line.startswith(_ADVICE))


def _no_option(error: MissingConfigException, name: str) -> str:
    group, _, option = name.rpartition("/")
    if not group:
        return f"there is no config {name}; leave out --config-name"
    return f"{group}={option}: there is no such option; there are {', '.join(error.options or ['none'])}"


def _torn(error: yaml.YAMLError) -> str:
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    where = f"{mark.name}, line {mark.line + 1}" if mark else "a config file"
    problem = problem or str(error).splitlines()[0]
    return f"{where}: not YAML ({problem}); put it right, or bring it back with git"


def _no_value(error: OmegaConfBaseException) -> str:
    """What is there beside the name that is not: the nearest one, or those of its group."""
    node: Any = error.parent_node
    name, last = str(error.full_key), str(error.key)
    group = name.removesuffix(last)
    keys = [str(key) for key in node if not str(key).startswith("_")]
    near = difflib.get_close_matches(last, keys if group else [*keys, *_names(node)], 1)
    if near:
        return f"there is no {name}; did you mean {group}{near[0]}? --help lists all"
    beside = f"there are {', '.join(group + key for key in keys)}" if keys else "--help lists all"
    return f"there is no {name}; {beside}"


def _names(node: Any, group: str = "") -> list[str]:
    """Every value under a config, by its dotted name."""
    found = []
    for key in node:
        child = node._get_node(key)
        if OmegaConf.is_dict(child) and not child._is_none() and not child._is_interpolation():
            found += _names(child, f"{group}{key}.") if group or key != "hydra" else []
        else:
            found.append(f"{group}{key}")
    return found
