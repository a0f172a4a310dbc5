"""Values as Hydra's command line reads them."""

import re
from collections.abc import Mapping
from typing import Any


def hydra_text(value: Any) -> str:
    """What stands after `NAME=` so that Hydra reads this value, whatever characters are in it."""
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{key}:{hydra_text(v)}" for key, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(hydra_text(v) for v in value) + "]"
    if isinstance(value, str):  # backslashes count before a quote alone
        return "'" + re.sub(r"(\\+)(?='|$)", r"\1\1", value).replace("'", "\\'") + "'"
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else repr(value)
