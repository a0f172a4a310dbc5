"""What the user of an interrupted run is told."""

from pathlib import Path

from deepsquat.commands.train import _how_to_resume
from deepsquat.runs.owner import own

RUN = "a" * 32


def test_an_interrupted_run_says_how_it_is_resumed(tmp_path: Path) -> None:
    assert "there is nothing to resume" in _how_to_resume(tmp_path, [])
    own(tmp_path, RUN)
    (tmp_path / "last.ckpt").touch()
    said = _how_to_resume(tmp_path, ["seed=3", "tracking=offline", "tracking.folder='my runs'"])
    assert said == (
        f"Interrupted. To go on: python src/train.py resume={RUN} tracking=offline "
        "'tracking.folder='\"'\"'my runs'\"'\"''"
    )
