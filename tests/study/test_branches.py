"""A sweep whose values depend on a choice, by grid and by sampler, killed and resumed."""

import csv
from pathlib import Path

import pytest

from deepsquat.runs import study as study_files
from deepsquat.study.options import StudyOptions
from deepsquat.study.points import open_study

GRID = """
hydra:
  sweeper:
    params:
      x: {1: {y: "0.1,0.2"}, 2: {}, 3: {y: "0.5,0.6", steps: "1,2"}}
"""


@pytest.fixture
def branches(toy):
    """The toy, its y and its steps swept under some x alone; without, they are the config's."""
    (toy.folder / "conf" / "sweep").mkdir()
    (toy.folder / "conf" / "sweep" / "branches.yaml").write_text(f"# @package _global_\n{GRID}")
    return toy


def test_a_grid_runs_each_choice_with_what_depends_on_it(branches, tmp_path: Path):
    words = ("+sweep=branches", "hydra.sweeper.sampler=grid")
    said = branches.run(*words, "fails=[2]", code=1)
    expected = [(1, 0.1), (1, 0.2), (2, 0.1), (3, 0.5), (3, 0.5), (3, 0.6), (3, 0.6)]
    assert branches.points() == expected and "Failed: x=2: RuntimeError" in said
    assert "7 of 7 done" in branches.run(*words)
    assert branches.points() == [*expected, (2, 0.1)]
    assert [trial.params for trial in branches.trials()][2:4] == [
        {"x": 2},
        {"x": 3, "y (3)": 0.5, "steps": 1},
    ]
    address = str(branches.folder / "multirun" / "toy" / "study.journal")
    study_files.write(tmp_path / "report", open_study(address, "toy", StudyOptions()))
    rows = list(csv.DictReader((tmp_path / "report" / "table.csv").open()))
    assert [(row["x"], row["y (1)"], row["y (3)"], row["steps"]) for row in rows][1:4] == [
        ("1", "0.2", "", ""), ("2", "", "", ""), ("3", "", "0.5", "1")
    ]  # fmt: skip
    head, _, *lines = (tmp_path / "report" / "table.md").read_text().splitlines()
    assert len({line.count("|") for line in (head, *lines)}) == 1
    assert (tmp_path / "report" / "history.png").exists()


def test_a_sampler_draws_what_the_choice_has_and_is_resumed(branches):
    words = ("+sweep=branches", "hydra.sweeper.sampler=tpe")
    branches.run(*words, "hydra.sweeper.n_trials=6")
    branches.run(*words, "hydra.sweeper.n_trials=14")
    trials = branches.trials()
    assert len(trials) == 14 and {trial.state.name for trial in trials} == {"COMPLETE"}
    for trial in trials:
        assert (
            trial.params.keys()
            == {1: {"x", "y (1)"}, 2: {"x"}, 3: {"x", "y (3)", "steps"}}[trial.params["x"]]
        )
