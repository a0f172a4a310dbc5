"""src/reproduce.py: the paper's tables, in pieces."""

from pathlib import Path

from omegaconf import DictConfig

from deepsquat.commands import run
from deepsquat.errors import UserError
from deepsquat.files import expanded
from deepsquat.processes import stop_on_sigterm


def reproduce(config: DictConfig) -> None:
    """Runs what is left. Exit code 0 all done, 75 out of time, 1 some trainings failed."""
    from deepsquat.paper import reproduction

    stop_on_sigterm()
    if config.minutes is not None and not config.minutes > 0:
        raise UserError(f"minutes must be above 0, got {config.minutes}")
    files = [expanded(str(file), "files") for file in config.files]
    steps = reproduction.steps(files, config.tables, config.train)
    home, out = Path(run.home()), expanded(str(config.out), "out")
    reached = reproduction.run(steps, run.ROOT, home, config.minutes, out)
    if not reached.ended:
        print("The time is up; the same line goes on from here.")
        raise SystemExit(75)
    if reached.failed:
        print("Some trainings failed; the same line tries them again.")
        raise SystemExit(1)
    print("All of it is done. To see it: unpack the file, then python src/sync.py FOLDER")
