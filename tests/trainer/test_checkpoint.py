"""Checkpoints are of their run and sound, or refused in one line."""

import random
from pathlib import Path

import pytest
import torch

from deepsquat.errors import UserError
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
