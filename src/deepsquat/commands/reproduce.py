"""src/reproduce.py: the paper's tables, in pieces."""

import math
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from deepsquat.commands import run
from deepsquat.commands.options import listed
from deepsquat.errors import UserError
from deepsquat.files import expanded

_SQUATS, _PACK = Path("docs/paper-squats.npz"), Path("docs/paper-tables.tar.gz")  # of the repository


def reproduce(config: DictConfig) -> None:
    """Runs what is left, and ends with the exit code of `reproduction.run`."""
    from deepsquat.paper import reproduction

    minutes = _minutes(config.minutes)
    files = _files(config)
    tables = None if config.tables is None else listed(config, "tables")
    more = listed(config, "train", may_be_empty=True)
    steps = reproduction.steps(str(config.protocol.name), files, tables, more, Path(run.ROOT))
    code = reproduction.run(steps, run.ROOT, Path(run.home()), minutes, _archive(config, files))
    if code == 0:
        print("All of it is done. To see it: python src/sync.py FILE, with the name of the file")
    elif code == 1:
        print("Some runs failed; the same command tries them again.")
    elif code == reproduction.OUT_OF_TIME:
        print("The time is up; the same command resumes from here.")
    raise SystemExit(code)


def name_protocol() -> None:
    """Turns `protocol=NAME` into `protocol.name=NAME`, since Hydra would take it for an option of conf/."""
    sys.argv[1:] = [re.sub(r"^protocol=", "protocol.name=", word) for word in sys.argv[1:]]


def _files(config: DictConfig) -> list[Path]:
    if config.files is None:
        return [run.ROOT / _SQUATS]
    return [expanded(file, "files") for file in listed(config, "files")]


def _archive(config: DictConfig, files: Sequence[Path]) -> Path:
    """Where the results are packed, and taken up from."""
    if config.out is None and config.protocol.name == "paper_steps" and config.files is None:
        return run.ROOT / _PACK
    out = Path(run.home()) / "results" if config.out is None else expanded(config.out, "out")
    if out.name.endswith(".tar.gz"):
        return out
    names = [re.sub(r"\W+", "_", file.stem) for file in files]
    return out / f"{'-and-'.join(names)}.tar.gz"


def _minutes(value: Any) -> float | None:
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < math.inf:
        raise UserError(f"minutes must be a number above 0, got {value}")
    return float(value)
