"""A sweep with the user's words, whose best trial becomes the champion; and a run that is tried out."""

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from blobs import blobs, training
from deepsquat import champion
from deepsquat.images import load
from program import Command

OWN = ("name=Anna's sweep", "notes=**Why** it was run", "tags={asked_by: Anna}")


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home of its own: what is promoted in it would else be the champion of every test."""
    home = tmp_path_factory.mktemp("own")
    blobs(home / "blobs.npz")
    return home


@pytest.fixture(scope="module")
def swept(own: Path, command: Command) -> str:
    """What a sweep says that ends with its winner as the champion."""
    script, *words = training(own / "blobs.npz", "hydra.sweeper.study=two", "promote=true", *OWN)
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


def records(own: Path) -> dict[str, dict]:
    """What is kept of each run, by its name."""
    found = [json.loads(path.read_text()) for path in (own / "multirun" / "offline").glob("*/run.json")]
    return {record["name"]: record for record in found}


def test_the_sweeps_own_run_bears_the_users_words_and_its_trials_the_tags(swept: str, own: Path) -> None:
    known = records(own)
    parent = known.pop("Anna's sweep")
    note = parent["tags"]["mlflow.note.content"]
    assert note.startswith("**Why** it was run\n\n**Best: trial ") and "**2 done, complete.**" in note
    assert len(known) == 2 and all(name.startswith("trial ") for name in known)
    for record in (parent, *known.values()):
        assert record["tags"]["asked_by"] == "Anna"
    assert all("mlflow.note.content" not in record["tags"] for record in known.values())
    (offline,) = {path.parents[1] for path in (own / "multirun" / "offline").glob("*/params.json")}
    for path in offline.glob("*/params.json"):
        assert not {"name", "notes", "tags", "promote"} & {
            key.partition(".")[0] for key in json.loads(path.read_text())
        }


def test_every_trial_is_in_a_table_with_its_exact_values(swept: str, own: Path) -> None:
    rows = list(csv.DictReader((own / "multirun" / "two" / "report" / "trials.csv").open()))
    assert [(row["trial"], row["state"], float(row["optim.l2"])) for row in rows] == [
        ("0", "COMPLETE", 1e-2),
        ("1", "COMPLETE", 1e-6),
    ]
    assert all(float(row["val/loss"]) > 0 and float(row["seconds"]) > 0 and row["begun"] for row in rows)


def test_a_run_that_is_tried_out_leaves_nothing(swept: str, own: Path, command: Command) -> None:
    before = records(own)
    done = command(*training(own / "blobs.npz", "debug=true", "trainer.max_epochs=500"), home=own)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith("debug=true: one batch of one epoch went through")
    assert records(own) == before and not list((own / "multirun" / "train").glob("*"))
    kept = own / "another run"
    kept.mkdir()
    (kept / "notes.txt").write_text("mine")
    done = command(*training(own / "blobs.npz", "debug=true", f"hydra.run.dir='{kept}'"), home=own)
    assert done.returncode == 0, done.stderr
    assert (kept / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-m", "seed=1,2", "debug=true"], "debug=true tries out one run; leave out -m"),
        (["dry=true"], "dry=true says what a sweep would run; give it with -m"),
        (["tags={mlflow.user: me}"], "tags.mlflow.user: tags of this name are set by the program"),
        (["notes=[a]"], "notes must be a text"),
        (["promote=yes"], "promote must be true or false, got yes"),
    ],
)
def test_a_mistake_is_one_line(words: list[str], said: str, own: Path, command: Command) -> None:
    done = command("src/train.py", *words, *training(own / "blobs.npz")[1:], home=own)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1 and said in done.stderr
