"""How every command runs and ends: one line and exit code 2 for a user's mistake."""

import errno
import io
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from deepsquat.commands import command_line, help, mistakes
from deepsquat.errors import UserError
from deepsquat.files import unwritable
from deepsquat.processes import ENDS_WITH_PARENT, end_with_parent, stop_on_sigterm

ROOT = Path(__file__).resolve().parents[3]  # the repository
CONF = str(ROOT / "conf")


def home() -> str:
    """Where data/, multirun/, mlruns/ and MLflow's store lie: the repository, or DEEPSQUAT_HOME."""
    return os.environ.get("DEEPSQUAT_HOME") or str(ROOT)


def run(main: Callable[[], Any], sweeps: bool = False, loads: str = "") -> NoReturn:
    """Calls a `@hydra.main` function and ends the process. sweeps: whether the command takes -m.

    loads: what takes seconds to import before the command says anything; a terminal is told.

    Exit codes: 0 done, 1 a defect or failed trials, 2 a mistake of the user, 130 interrupted.
    """
    stop_on_sigterm()
    if os.environ.pop(ENDS_WITH_PARENT, None):  # not for the processes that this one starts
        end_with_parent(by=signal.SIGTERM)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a name of a file may hold bytes that are no letters
            stream.reconfigure(errors="backslashreplace")
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra passes exceptions on instead of printing them its way
    if not sys.stderr.isatty():
        os.environ.setdefault("TQDM_MININTERVAL", "15")  # seconds: a log needs no bar five times a second
    if not OmegaConf.has_resolver("root"):
        OmegaConf.register_new_resolver("root", home)
    try:
        if "${" in home():
            raise UserError(
                f"DEEPSQUAT_HOME={home()}: ${{ means something else in a config; choose another folder"
            )
        sys.argv[1:] = command_line.read(sys.argv[1:], Path(CONF), sweeps)
        if help.is_asked(sys.argv[1:]):
            given = [word for word in sys.argv[1:] if not word.startswith("-")]
            print(help.text(Path(CONF), Path(sys.argv[0]).stem, given))
            sys.exit()
        if loads and sys.stderr.isatty() and "--hydra-help" not in sys.argv:
            print(f"Loading {loads} ...", file=sys.stderr, flush=True)
        sys.exit(main())
    except KeyboardInterrupt as stop:
        print(str(stop) or "Interrupted.", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:  # whoever read our output, such as `head`, has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except Exception as error:
        _stop_at(error)


@contextmanager
def user_errors() -> Iterator[None]:
    """Ends a single run at a mistake of the user, before Hydra adds lines of its own; a sweep goes on."""
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    try:
        yield
    except BrokenPipeError:
        raise
    except (UserError, OmegaConfBaseException, OSError) as error:
        if HydraConfig.get().mode == RunMode.MULTIRUN:
            raise
        _stop_at(error)


def _stop_at(error: Exception) -> NoReturn:
    if isinstance(error, OSError) and error.errno != errno.ENOENT:  # which may be a defect of ours
        error = unwritable(error.filename or home(), error)
    if not mistakes.is_mistake(error):
        raise error
    print(f"error: {mistakes.one_line(error)}", file=sys.stderr)
    sys.exit(2)
