"""The command line before Hydra reads it: what Hydra would misread, ignore, or answer with a traceback."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from deepsquat.commands.videos import is_there
from deepsquat.errors import UserError
from deepsquat.files import expanded
from deepsquat.overrides import hydra_text

# Values that hold names of the user's own, empty by default; Hydra takes new names where ++ is typed.
_OPEN = ("metrics", "evaluation.on", *(f"hydra.sweeper.{key}_options" for key in ("sampler", "pruner")))
_TEXTS = ("name", "notes", "subject")  # what Hydra would read as a number, such as 1_2, is text
_OVERRIDE = re.compile(r"(?P<name>(\+\+?|~)?[A-Za-z_][\w./@:-]*)=(?P<value>.*)", re.DOTALL)


def read(words: Sequence[str], conf: Path, sweeps: bool) -> list[str]:
    """The words as Hydra is to have them: a value that is none in its grammar, such as a path with a quote in
    it, is quoted.

    conf: the folder of the config groups. sweeps: whether the command takes -m.

    Raises:
        UserError: an unknown flag, -m where nothing is swept, a group without its option, a name that no
            config has.
    """
    from hydra._internal.utils import get_args_parser

    def refuse(message: str) -> Any:
        raise UserError(f"{message}; --help lists what can be given")

    parser = get_args_parser()
    parser.error = refuse  # type: ignore[method-assign]
    given = parser.parse_args(words)
    many = given.multirun or "hydra.mode=MULTIRUN" in given.overrides
    if many and not sweeps:
        raise UserError("-m: only src/train.py sweeps; leave it out")
    read_ = {word: _read(word, conf, many, sweeps) for word in given.overrides}
    if many and not any(swept for _, swept in read_.values()):
        raise UserError("-m: nothing is swept; add sweep=NAME, or several values as in NAME=A,B")
    return [read_[word][0] if word in read_ else word for word in words]


def _read(word: str, conf: Path, many: bool, sweeps: bool) -> tuple[str, bool]:
    """The word for Hydra, and whether it may make a sweep."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    found = _OVERRIDE.fullmatch(word)
    name = found["name"] if found else word
    _known(word, name, conf)
    if found is None:
        return word, False
    text = f"{name}={hydra_text(found['value'])}"
    try:
        parsed = OverridesParser.create().parse_override(word)
    except HydraException:
        if found["value"].startswith(("[", "{", "'", '"')):
            raise UserError(
                f"{word}: brackets or quotes are not closed, or a text in them needs quotes of its own"
            ) from None
        if many and re.search(r"^\w+\(|,$", found["value"]):
            raise UserError(f"{word}: no values to sweep; write A,B or range(5) or interval(0,1)") from None
        return text, False
    if name in _OPEN and found["value"].startswith("{"):
        return f"++{word}", False
    swept = parsed.is_sweep_override()
    if (many and name == "resume") or (swept and name == "sweep"):
        raise UserError(f"{word}: one at a time" + (", without -m" if name == "resume" else ""))
    if swept and not many and (not sweeps or is_there(expanded(found["value"], name))):
        return text, False
    value = None if swept else parsed.value()
    if name in _TEXTS and isinstance(value, int | float):
        return text, False
    options = _options(conf, name)
    if options and not swept and (not value or not isinstance(value, str | list | dict)):
        raise UserError(f"{word}: {name} must be one of {', '.join(options)}")
    return word, swept or name in ("sweep", "experiment") or name.startswith("hydra.sweeper.")


def _known(word: str, name: str, conf: Path) -> None:
    """Refuses what takes a whole group away, and what adds a value that nobody reads."""
    if name.lstrip("+~") == "trial":
        raise UserError(f"{word}: filled in by a sweep; leave it out")
    if word.startswith("~") and (options := _options(conf, name[1:])):
        raise UserError(f"{word}: {name[1:]} must be one of {', '.join(options)}")
    if word.startswith("+"):
        first = re.split(r"[./@=]", word.lstrip("+"))[0]
        files = "".join(path.read_text(encoding="utf-8") for path in conf.glob("*.yaml"))
        if not ((conf / first).is_dir() or re.search(rf"^{re.escape(first)}:", files, re.MULTILINE)):
            raise UserError(f"{word}: nothing reads a value {first}; --help lists what can be given")


def _options(conf: Path, group: str) -> list[str]:
    """Of a config group; none where it is no group."""
    return sorted(path.stem for path in (conf / group).glob("*.yaml")) if group else []
