"""--help of every command: what can be chosen, what is, and what each value means."""

import re
import shutil
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from omegaconf import DictConfig, OmegaConf

from deepsquat.commands import words
from deepsquat.overrides import hydra_text

_FLAGS = ("--help", "-h")
_COLUMN = 34  # at which the meaning of a value begins


def is_asked(arguments: Sequence[str]) -> bool:
    """Whether the command line asks for help, and for nothing else but values."""
    flags = [word for word in arguments if word.startswith("-")]
    return any(word in _FLAGS for word in flags) and all(word in (*_FLAGS, "-m") for word in flags)


def text(conf: Path, name: str, overrides: Sequence[str]) -> str:
    """conf: the folder of the config; name: of the command and its file there."""
    from hydra import compose, initialize_config_dir

    with initialize_config_dir(str(conf), version_base=None):
        config = compose(name, list(overrides), return_hydra_config=True)
    chosen = {group: option for group, option in config.hydra.runtime.choices.items() if "/" not in group}
    width = min(max(shutil.get_terminal_size((100, 24)).columns, 60), 120)
    head = config.hydra.help.template.partition("== ")[0].strip()
    parts = [_prose(part, width) for part in head.split("\n\n")]
    if chosen:
        title = "== Choices (GROUP=OPTION, in brackets what is chosen) =="
        parts.append(f"{title}\n{_choices(conf, chosen, width)}")
    parts.append(f"== Values (NAME=VALUE) ==\n{_values(conf, name, config, chosen, width)}")
    if "study" in config.hydra.sweeper:
        parts.append(f"== Sweeps (with -m; NAME=VALUE) ==\n{_sweeper(conf, config, width)}")
    return "\n\n".join(parts)


def _prose(paragraph: str, width: int) -> str:
    """As wide as the terminal; examples, which are indented, stay as they are."""
    if paragraph.startswith("  "):
        return paragraph
    return "\n".join(_wrapped(paragraph, width, ""))


def _choices(conf: Path, chosen: Mapping[str, Any], width: int) -> str:
    lines = []
    for group in sorted(chosen):
        options = sorted(path.stem for path in (conf / group).glob("*.yaml"))
        named = [f"[{option}]" if option == chosen[group] else option for option in options]
        lines += _wrapped(f"{group}: {', '.join(named)}", width, "    ")
    return "\n".join(lines)


def _values(conf: Path, name: str, config: DictConfig, chosen: Mapping[str, Any], width: int) -> str:
    groups = {group: conf / group / f"{option}.yaml" for group, option in chosen.items() if option}
    files = [(file, f"{group}.") for group, option in groups.items() for file in _inherited(option)]
    own = [(file, "") for file in _inherited(conf / f"{name}.yaml")]
    apart = [(file, "") for file, _ in files if _is_global(file)]  # which change values of other groups
    known: words.Words = {}
    for file, prefix in [*own, *((f, p) for f, p in files if not _is_global(f)), *apart]:
        _add(known, words.of_file(file), prefix)
    plain = [str(key) for key in config if key != "hydra"]
    first = [key for key in plain if key not in groups]
    parts = ["\n".join(_of(config, known, key, width)) for key in first]
    for group in (key for key in plain if key in groups):
        about = words.heading(groups[group])
        title = _wrapped(f"{group}={chosen[group]}{f': {about}' if about else ''}", width, "    ")
        parts.append("\n".join(["", *title, *_of(config, known, group, width)]))
    return "\n".join(parts)


def _sweeper(conf: Path, config: DictConfig, width: int) -> str:
    known: words.Words = {}
    _add(known, words.of_file(conf / "hydra" / "sweeper" / "squats.yaml"), "hydra.sweeper.")
    _add(known, words.of_sweeper(), "hydra.sweeper.")
    return "\n".join(
        line for key in config.hydra.sweeper for line in _of(config, known, f"hydra.sweeper.{key}", width)
    )


def _of(config: DictConfig, known: words.Words, name: str, width: int) -> Iterator[str]:
    """The lines of a value, or of all that are below it."""
    parent, _, key = name.rpartition(".")
    holder: Any = OmegaConf.select(config, parent) if parent else config
    node = holder._get_node(key)
    if key == "_target_":
        return
    if isinstance(node, DictConfig) and not node._is_none() and not node._is_missing() and len(node):
        if name in known:
            yield from _wrapped(f"{name}: {known[name]}", width, "    ")
        for below in map(str, node):
            yield from _of(config, known, f"{name}.{below}", width)
        return
    own = f"{name}={_shown(holder, str(key))}"
    meaning = known.get(name, "")
    if len(own) < _COLUMN - 1 and width >= 80:
        yield from _wrapped(f"{own:{_COLUMN}}{meaning}".rstrip(), width, " " * _COLUMN)
    else:
        yield own
        yield from _wrapped(f"    {meaning}", width, "    ") if meaning else ()


def _shown(holder: Any, key: str) -> str:
    """The value as one would type it; one that lies in a folder of the user's with that folder's name."""
    if OmegaConf.is_missing(holder, key):
        return "???"
    raw = OmegaConf.to_container(holder, resolve=False)[key]  # type: ignore[index,call-overload]
    if isinstance(raw, str) and "${" in raw:
        value = holder[key]
        return raw if isinstance(value, str) else hydra_text(value)
    if isinstance(raw, str) and re.fullmatch(r"[\w./-]+", raw):
        return raw
    return hydra_text(raw)


def _inherited(file: Path) -> list[Path]:
    """The file, and those of its folder that it starts from."""
    found = [file]
    for entry in (yaml.safe_load(file.read_text(encoding="utf-8")) or {}).get("defaults", []):
        if isinstance(entry, str) and (beside := file.with_name(f"{entry}.yaml")).is_file():
            found += _inherited(beside)
    return found


def _is_global(file: Path) -> bool:
    return file.read_text(encoding="utf-8").startswith("# @package _global_")


def _add(known: words.Words, more: words.Words, prefix: str) -> None:
    """What is not known yet."""
    for name, meaning in more.items():
        known.setdefault(f"{prefix}{name}", meaning)


def _wrapped(line: str, width: int, indent: str) -> list[str]:
    return textwrap.wrap(
        line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    ) or [""]
