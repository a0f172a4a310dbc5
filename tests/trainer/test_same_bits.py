"""Trainings through the command line that must end in the same bits."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from program import ROOT, environment, tiny

pytestmark = pytest.mark.slow


def _tested(folder: Path) -> dict[str, torch.Tensor]:
    (path,) = folder.glob("*.ckpt")
    return torch.load(path, weights_only=True)["weights"]


def test_a_sweep_gives_the_same_bits_by_one_process_and_by_two_with_fewer_cores_each(corpus, home) -> None:
    """Two workers of joblib share the cores; here the one process has three threads in any case."""
    found = []
    for name, cores, more in (
        ("one", "3", ()),
        ("two", None, ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2")),
    ):
        done = subprocess.run(
            [
                *(sys.executable, *tiny(corpus, "trainer=cpu", "trainer.max_epochs=3", "seed=1,2"), *more),
                *("tracking=offline", f"hydra.sweeper.study=bits-{name}", "-m"),
            ],
            cwd=ROOT,
            env=environment(home) | ({"OMP_NUM_THREADS": cores} if cores else {}),
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        found.append([_tested(home / "multirun" / f"bits-{name}" / str(number)) for number in (0, 1)])
    one, two = found
    for trial, its in zip(one, two, strict=True):
        assert all(torch.equal(value, its[key]) for key, value in trial.items())
    assert any(not torch.equal(value, one[1][key]) for key, value in one[0].items())
