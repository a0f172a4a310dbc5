"""How every command runs and ends: one line and exit code 2 for a user's mistake."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from deepsquat.errors import UserError
from deepsquat.files import unwritable
from deepsquat.processes import stop_on_sigterm

ROOT = Path(__file__).resolve().parents[3]  # the repository
CONF = str(ROOT / "conf")


def home() -> str:
    """Where data/, multirun/, mlruns/ and MLflow's store lie: the repository, or DEEPSQUAT_HOME."""
    return os.environ.get("DEEPSQUAT_HOME") or str(ROOT)


def run(main: Callable[[], Any]) -> NoReturn:
    """Calls a `@hydra.main` function and ends the process.

    Exit codes: 0 done, 1 a defect or failed trials, 2 a mistake of the user, 130 interrupted.
    """
    from hydra.errors import HydraException

    stop_on_sigterm()
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra passes exceptions on instead of printing them its way
    if not OmegaConf.has_resolver("root"):
        OmegaConf.register_new_resolver("root", home)
    try:
        sys.exit(main())
    except (UserError, HydraException, OmegaConfBaseException) as error:
        _stop_at(error)
    except KeyboardInterrupt as stop:
        print(str(stop) or "Interrupted.", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:  # whoever read our output, such as `head`, has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except OSError as error:
        _stop_at(error)


@contextmanager
def user_errors() -> Iterator[None]:
    """Ends a single run at a mistake of the user, before Hydra adds lines of its own; a sweep goes on."""
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    try:
        yield
    except (UserError, OSError) as error:
        if HydraConfig.get().mode == RunMode.MULTIRUN or isinstance(error, BrokenPipeError):
            raise
        _stop_at(error)


def _stop_at(error: Exception) -> NoReturn:
    if isinstance(error, OSError):
        error = unwritable(error.filename or home(), error)
    if isinstance(error, OSError):  # none that a user can mend
        raise error
    print(f"error: {one_line(error)}", file=sys.stderr)
    sys.exit(2)


def one_line(error: Exception) -> str:
    """The message of an error as a single line, without advice on Hydra's internals."""
    if isinstance(error, UserError):
        return " ".join(str(error).split())
    drop = ("To append to your config", "Set the environment variable", "object_type=", "reference_type=")
    lines = [line.strip() for line in str(error).splitlines()]
    text = "; ".join(line for line in lines if line and not line.startswith(drop))
    if text.startswith("Could not override"):
        text += " There is no value of this name; --help lists them all"
    return text
