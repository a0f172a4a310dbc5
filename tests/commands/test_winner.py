"""From a sweep's best trial on: its network becomes the champion."""

import csv
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from blobs import blobs, training
from deepsquat import champion
from deepsquat.images import load
from program import Command


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home of its own: what is promoted in it would else be the champion of every test."""
    home = tmp_path_factory.mktemp("own")
    blobs(home / "blobs.npz")
    return home


@pytest.fixture(scope="module")
def swept(own: Path, command: Command) -> str:
    """What a sweep says that ends with its winner as the champion."""
    script, *words = training(own / "blobs.npz", "hydra.sweeper.study=two", "promote=true")
    done = command(script, "-m", *words, "optim.l2=1e-2,1e-6", home=own)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_weights_of_the_best_trial_that_were_tested_become_the_champion(swept: str, own: Path) -> None:
    study = own / "multirun" / "two"
    rows = list(csv.DictReader((study / "report" / "table.csv").open()))
    best = min(rows, key=lambda row: float(row["val/loss"]))["trial"]
    model = champion.load(own / "data" / champion.PROMOTED)
    kept = torch.load(study / best / "tested.ckpt", weights_only=True)
    assert model.made_of["runs"] == [kept["run"]]
    assert all(
        torch.equal(value, kept["weights"][name]) for name, value in model.network.state_dict().items()
    )
    (line,) = re.findall("^test: .*", swept, re.MULTILINE)
    assert line.startswith("test: 12 squats, AUC 1.000, balanced 100.0%")
    # What the run said of its test images is what the champion says of them.
    images = load(own / "blobs.npz")
    tested = [
        row
        for row in csv.DictReader((study / best / "files" / "predictions.csv").open())
        if row["part"] == "test"
    ]
    rows = [
        int(np.flatnonzero((images.squat == r["squat"]) & (images.frame == int(r["frame"])))[0])
        for r in tested
    ]
    outputs = model.outputs(torch.from_numpy(images.images[rows]))
    found = model.target.p_good(outputs).tolist()
    assert found == pytest.approx([float(row["p_good"]) for row in tested], abs=1e-5)
