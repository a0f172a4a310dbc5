"""What every command shares: config in, dataclasses out, one line and exit code 2 for a user's mistake."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from deepsquat.errors import UserError
from deepsquat.files import unwritable

ROOT = Path(__file__).resolve().parents[2]  # the repository
CONF = str(ROOT / "conf")


def home() -> str:
    """Where data/, multirun/, mlruns/ and MLflow's store lie: the repository, or DEEPSQUAT_HOME."""
    return os.environ.get("DEEPSQUAT_HOME") or str(ROOT)


def run(main: Callable[[], Any]) -> NoReturn:
    """Calls a `@hydra.main` function and ends the process.

    Exit codes: 0 done, 1 a defect or failed trials, 2 a mistake of the user, 130 interrupted.
    """
    from hydra.errors import HydraException

    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra passes exceptions on instead of printing them its way
    if not OmegaConf.has_resolver("root"):
        OmegaConf.register_new_resolver("root", home)
    try:
        sys.exit(main())
    except (UserError, HydraException, OmegaConfBaseException) as error:
        _stop_at(error)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
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


def build(config: DictConfig, group: str) -> Any:
    """The dataclass that the group's `_target_` names, filled with its values, types checked.

    Raises:
        UserError: an unknown key, a value of the wrong type, or a class that is not ours.
    """
    from hydra.utils import get_class

    node = config[group]
    if not str(node["_target_"]).startswith("deepsquat."):
        raise UserError(f"{group}._target_: {node['_target_']} is no class of deepsquat")
    cls = get_class(node["_target_"])
    schema = OmegaConf.structured(cls)
    _unlock(schema)
    values = OmegaConf.to_container(node, resolve=True)
    try:
        return OmegaConf.to_object(OmegaConf.merge(schema, _plain(values)))
    except OmegaConfBaseException as error:
        key = f"{group}.{error.full_key}" if error.full_key else group
        raise UserError(f"{key}: {str(error).splitlines()[0]}") from error


def _plain(values: Any) -> Any:
    """Without the `_target_` keys; nested dataclasses are known from the fields' types."""
    if not isinstance(values, dict):
        return values
    return {key: _plain(value) for key, value in values.items() if key != "_target_"}


def _unlock(node: Any) -> None:
    """Frozen dataclasses give read-only nodes; they must be filled once."""
    OmegaConf.set_readonly(node, False)
    if isinstance(node, DictConfig):
        for key in node:
            child = node._get_node(key)
            if isinstance(child, DictConfig) and not child._is_none():
                _unlock(child)


def stop_on_sigterm() -> None:
    """A polite kill ends like Ctrl-C: nothing half-written, the run marked KILLED."""

    def interrupt(signum: int, frame: Any) -> NoReturn:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
