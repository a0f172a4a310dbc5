"""Which code a config may name: this package's, and that of packages which the environment names."""

import os
from importlib import import_module
from pathlib import Path
from traceback import extract_tb
from typing import Any

from deepsquat.errors import UserError

VARIABLE = "DEEPSQUAT_TRUST"  # packages, comma separated; never in a config, since a config may be another's


def named(name: str, key: str) -> Any:
    """The class or function that a config names, as package.module.Name. key: where it was named.

    It must be defined in a trusted package, not only be reached through one.

    Raises:
        UserError: it is not trusted, is not there, or its module fails as it is imported.
    """
    module, _, own = name.rpartition(".")
    if not module or not all(word.isidentifier() for word in name.split(".")):
        raise UserError(f"{key}={name}: give package.module.Name")
    _refuse_stranger(name, f"{key}={name}")
    try:
        found = getattr(import_module(module), own)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise UserError(f"{key}={name}: {reason(error)}") from error
        raise UserError(
            f"{key}={name}: there is no module {error.name}; its folder must be on PYTHONPATH"
        ) from error
    except AttributeError as error:
        raise UserError(f"{key}={name}: {reason(error)}") from error
    except Exception as error:
        raise UserError(f"{key}={name}: the import of {module} failed: {reason(error)}") from error
    defined = getattr(found, "__module__", None) or "builtins"
    _refuse_stranger(f"{defined}.{own}", f"{key}={name}")
    return found


def _refuse_stranger(name: str, said: str) -> None:
    # __main__: the script that runs already.
    trusted = ["deepsquat", "__main__", *(word.strip() for word in os.environ.get(VARIABLE, "").split(","))]
    if not any(word and name.startswith(f"{word}.") for word in trusted):
        package = name.partition(".")[0]
        raise UserError(
            f"{said}: {name} is not of a package that may be named; "
            f"if you trust its code, set {VARIABLE}={package} in the environment"
        )


def reason(error: BaseException) -> str:
    """An error of somebody's own code in one line: its type, its message, the line that raised it."""
    text = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}".removesuffix(": ")
    frames = extract_tb(error.__traceback__)
    own = [frame for frame in frames if "site-packages" not in Path(frame.filename).parts] or frames
    return f"{text} ({Path(own[-1].filename).name}, line {own[-1].lineno})" if own else text
