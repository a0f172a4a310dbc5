"""src/reproduce.py: the paper's tables, in pieces."""

import math
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from deepsquat.commands import run
from deepsquat.commands.options import listed
from deepsquat.errors import UserError
from deepsquat.files import expanded


def reproduce(config: DictConfig) -> None:
    """Runs what is left, and ends with the exit code of `reproduction.run`."""
    from deepsquat.paper import reproduction

    minutes = _minutes(config.minutes)
    files = [expanded(file, "files") for file in listed(config, "files")]
    steps = reproduction.steps(files, listed(config, "tables"), listed(config, "train", may_be_empty=True))
    home, out = Path(run.home()), expanded(config.out, "out")
    code = reproduction.run(steps, run.ROOT, home, minutes, out)
    if code == 0:
        print("All of it is done. To see it: unpack the file, then python src/sync.py FOLDER")
    elif code == 1:
        print("Some runs failed; the same command tries them again.")
    elif code == reproduction.OUT_OF_TIME:
        print("The time is up; the same command resumes from here.")
    raise SystemExit(code)


def _minutes(value: Any) -> float | None:
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < math.inf:
        raise UserError(f"minutes must be a number above 0, got {value}")
    return float(value)
