"""A standard of one's own, from labelled squats, and what is judged by it."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from deepsquat import champion
from deepsquat.errors import UserError
from program import Command


def test_a_standard_is_set_by_labelled_videos_and_moves_the_verdict(
    corpus, command: Command, tmp_path: Path
) -> None:
    out = tmp_path / "mine, too.json"
    done = command("src/calibrate.py", f"data.root={corpus.root}", f"standard={out}")
    assert done.returncode == 0, done.stderr
    assert "15 squats, area under the ROC curve" in done.stdout and str(out) in done.stdout
    known = json.loads(out.read_text())
    low, high = known["begins_at"]["interval"]
    assert 0 <= low <= known["begins_at"]["p_good"] <= high <= 1 and known["squats"] == 15
    model = champion.load()
    moved = champion.held_to(model, str(out))
    assert moved.threshold == 0.5 and moved.shift == known["shift"] and moved.standard == str(out)
    out.write_text(out.read_text().replace("squats", "squat"))
    with pytest.raises(UserError, match="is damaged"):
        champion.held_to(model, str(out))


def test_the_standards_of_a_model_are_known_by_name(tmp_path: Path) -> None:
    model = champion.load()
    strict = champion.held_to(model, "strict")
    assert strict.threshold == model.standards["strict"].threshold and strict.standard == "strict"
    assert champion.held_to(model, "usual").threshold == model.threshold
    with pytest.raises(UserError, match="standard=harsh: must be one of strict, usual, lenient, or a file"):
        champion.held_to(model, "harsh")


def test_too_few_labels_are_one_line(corpus, command: Command, tmp_path: Path) -> None:
    labelled = (corpus.root / "labels.yaml").read_text().split("# sha256")[0]
    labels = tmp_path / "labels.yaml"
    labels.write_text(re.sub(r"label: 0(.*), faults: \[.*\]", r"label: 1\1", labelled))
    words = (f"data.root={corpus.root}", f"data.labels={labels}", f"standard={tmp_path / 'x.json'}")
    done = command("src/calibrate.py", *words)
    assert done.returncode == 2 and "good ones and bad ones; 15 are labelled" in done.stderr, done.stderr
    assert not (tmp_path / "x.json").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["standard={here}"], "must be a file to write, whose name ends in .json"),
        (["standard={here}/labels.yaml"], "must be a file to write, whose name ends in .json"),
        (["standard=strict"], "must be a file to write, whose name ends in .json"),
        (["standard={here}/x.json", "seed=1.5"], "seed must be a whole number from 0 on, got 1.5"),
    ],
)
def test_what_cannot_be_written_is_known_first(
    words: list[str], said: str, command: Command, tmp_path: Path
) -> None:
    (tmp_path / "labels.yaml").write_text("mine")
    done = command("src/calibrate.py", *(word.format(here=tmp_path) for word in words), "data.root=nowhere")
    assert done.returncode == 2 and said in done.stderr and done.stderr.count("\n") == 1, done.stderr
    assert (tmp_path / "labels.yaml").read_text() == "mine"


def test_a_standard_takes_the_place_of_the_models_own_shift(corpus, command: Command, tmp_path: Path) -> None:
    """Where good begins, in what the network says, does not depend on what the model took from it."""
    found = []
    for shift in (0.0, 1.5):
        logit = float(np.log(0.4 / 0.6)) - shift
        model = replace(champion.load(), shift=shift, threshold=float(1 / (1 + np.exp(-logit))))
        champion.write(tmp_path / f"model{shift}", model)
        out = tmp_path / f"{shift}.json"
        weights = f"weights={tmp_path / f'model{shift}'}"
        done = command("src/calibrate.py", f"data.root={corpus.root}", f"standard={out}", weights)
        assert done.returncode == 0, done.stderr
        found.append(json.loads(out.read_text())["shift"])
    assert found[0] == pytest.approx(found[1], abs=0.05)
