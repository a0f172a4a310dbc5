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
    """Runs what is left. Exit code 0 all done, 75 out of time, 1 some runs failed."""
    from deepsquat.paper import reproduction

    minutes = _minutes(config.minutes)
    files = [expanded(file, "files") for file in listed(config, "files")]
    steps = reproduction.steps(files, listed(config, "tables"), listed(config, "train", may_be_empty=True))
    home, out = Path(run.home()), expanded(config.out, "out")
    reached = reproduction.run(steps, run.ROOT, home, minutes, out)
    if not reached.ended:
        print("The time is up; the same command resumes from here.")
        raise SystemExit(75)
    if reached.failed:
        print("Some runs failed; the same command tries them again.")
        raise SystemExit(1)
    print("All of it is done. To see it: unpack the file, then python src/sync.py FOLDER")


def _minutes(value: Any) -> float | None:
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < math.inf:
        raise UserError(f"minutes must be a number above 0, got {value}")
    return float(value)
