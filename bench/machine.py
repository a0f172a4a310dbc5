"""The machine that a benchmark runs on, and what else it is busy with."""

import os
from datetime import UTC, datetime
from typing import Any

from deepsquat.processes import cores
from deepsquat.runs import provenance

_BUSY = 0.25  # of a core, for each core: more than a desktop at rest


def load() -> float:
    """Processes that wanted a core, on average over the last minute."""
    return os.getloadavg()[0]


def warning(load: float) -> str | None:
    """What a user must know who measures on a busy machine; None where it is at rest."""
    if load < _BUSY * cores():
        return None
    return (
        f"Note: this machine was busy in the last minute (load {load:.1f} on {cores()} cores). Where it "
        "still is, sides that use all cores come off worse than those that use one."
    )


def described(load: float) -> dict[str, Any]:
    """For the file: when, where, and which code. load: from before the first row."""
    code, _ = provenance.code_tags()
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {**provenance.machine_tags(), "load before": round(load, 2)},
        "code": {
            "commit": code.get("mlflow.source.git.commit", "none"),
            "uncommitted changes": code["code.dirty"],
        },
    }
