"""How the tests run the program as a user does."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from deepsquat.data.squats import LabelledVideos

ROOT = Path(__file__).resolve().parents[1]
Command = Callable[..., subprocess.CompletedProcess[str]]


def environment(home: Path) -> dict[str, str]:
    return {**os.environ, "DEEPSQUAT_HOME": str(home), "PYTHONUNBUFFERED": "1"}


def tiny(corpus: LabelledVideos, *more: str) -> list[str]:
    """Overrides for a training of seconds on the session's corpus."""
    return [
        "src/train.py",
        "data=videos",
        f"data.root={corpus.root}",
        "split=by_squat",
        "split.val=0.25",
        "split.test=0.25",
        "skeleton.height=48",
        "skeleton.width=27",
        "model.blocks=1",
        "optim.batch_size=8",
        "trainer.max_epochs=2",
        *more,
    ]
