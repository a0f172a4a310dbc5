"""Checkpoints are of their run and sound, or refused in one line."""

import random
from pathlib import Path

import numpy as np
import pytest
import torch

from deepsquat.errors import UserError
from deepsquat.files import written_whole
from deepsquat.trainer import checkpoint

RUN = "a" * 32


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    saved = {"run": RUN, "state_dict": {"w": torch.arange(1000.0)}}
    checkpoint.write(tmp_path / checkpoint.LAST, lambda path: torch.save(saved, path))
    return tmp_path


def test_a_runs_own_is_taken_and_another_runs_is_refused(folder: Path) -> None:
    checkpoint.check_last(folder, RUN)
    with pytest.raises(UserError, match=f"is of the run {RUN}, not of {'b' * 32}"):
        checkpoint.check_last(folder, "b" * 32)


def test_what_cannot_be_read_back_is_named_when_it_is_written_and_when_it_is_read(tmp_path: Path) -> None:
    checkpoint.refuse_unreadable({"Mine": {"count": 3, "means": [0.5, torch.ones(2)], "word": None}})
    with pytest.raises(UserError, match="callbacks: the state of Mine cannot be read back"):
        checkpoint.refuse_unreadable({"Other": {}, "Mine": {"mean": np.mean([1.0, 2.0])}})
    state = {"run": RUN, "callbacks": {"mean": np.mean([1.0, 2.0])}}
    checkpoint.write(tmp_path / checkpoint.LAST, lambda path: checkpoint.save(state, path))
    with pytest.raises(UserError, match=r"last\.ckpt: cannot be read") as error:
        checkpoint.check_last(tmp_path, RUN)
    assert "\n" not in str(error.value)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device here is always full")
def test_a_full_disk_is_said(tmp_path: Path) -> None:
    full = pytest.raises(UserError, match=r"best\.ckpt: the disk is full")
    with full, written_whole(tmp_path / "best.ckpt") as temporary:
        temporary.symlink_to("/dev/full")
        checkpoint.save({"w": torch.ones(1000)}, temporary)


@pytest.mark.parametrize("seed", range(5))
def test_any_damage_is_refused(folder: Path, seed: int) -> None:
    path, chance = folder / checkpoint.LAST, random.Random(seed)
    whole = path.read_bytes()
    flipped = bytearray(whole)
    for _ in range(400):
        flipped[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
    for content in (flipped, whole[: chance.randrange(len(whole))], b""):
        path.write_bytes(content)
        with pytest.raises(UserError, match="its checksum does not fit"):
            checkpoint.check_last(folder, RUN)
    torch.save({"state_dict": {}}, path)  # as an earlier version wrote it
    with pytest.raises(UserError, match="start a new run"):
        checkpoint.check_last(folder, RUN)
