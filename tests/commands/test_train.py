"""The config of an interrupted run, read back."""

from pathlib import Path

import pytest

from deepsquat.commands.train import _how_to_resume, read_config
from deepsquat.errors import UserError
from deepsquat.files import add_checksum
from deepsquat.runs.owner import own

RUN = "a" * 32


def _written(path: Path, text: str) -> Path:
    path.write_text(text)
    add_checksum(path)
    return path


def test_it_is_read_as_it_was_written_or_refused(tmp_path: Path) -> None:
    text = "seed: 3\nmodel:\n  _target_: deepsquat.model.convnet.ConvNet\n  blocks: 4\n"
    path = _written(tmp_path / "config.yaml", text)
    assert read_config(path, RUN).model.blocks == 4
    whole = path.read_bytes()
    for damaged in (whole.replace(b"blocks: 4", b"blocks: 5"), whole[:20], b"", text.encode()):
        path.write_bytes(damaged)
        with pytest.raises(UserError, match=r"start a new run with python src/train\.py"):
            read_config(path, RUN)


@pytest.mark.parametrize(
    "target", ["deepsquat.model.options.ConvNetOptions", "deepsquat.model.convnet.ConvNetOptions"]
)
def test_what_this_version_has_not_is_named(tmp_path: Path, target: str) -> None:
    path = _written(tmp_path / "config.yaml", f"model:\n  _target_: {target}\n")
    with pytest.raises(UserError, match=f"resume={RUN}: it was started by a version with {target}") as caught:
        read_config(path, RUN)
    assert "\n" not in str(caught.value) and "start a new run with python src/train.py" in str(caught.value)


def test_an_interrupted_run_says_how_it_is_resumed(tmp_path: Path) -> None:
    assert "there is nothing to resume" in _how_to_resume(tmp_path, [])
    own(tmp_path, RUN)
    (tmp_path / "last.ckpt").touch()
    said = _how_to_resume(tmp_path, ["seed=3", "tracking=offline", "tracking.folder='my runs'"])
    assert said == (
        f"Interrupted. To go on: python src/train.py resume={RUN} tracking=offline "
        "'tracking.folder='\"'\"'my runs'\"'\"''"
    )
