"""Which trials of a study keep their networks."""

from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState, create_trial

from deepsquat.runs.weights import tidy


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(6):
        for place in (tmp_path / str(number), tmp_path / str(number) / "0-1"):  # a trial, and a fold of it
            place.mkdir()
            for name in ("last.ckpt", "tested.ckpt", "metrics.json"):
                (place / name).write_text("x")
    return tmp_path


def left(folder: Path) -> list[int]:
    kept = {path.parent.name for path in folder.glob("*/*.ckpt")}
    assert kept == {path.parts[-3] for path in folder.glob("*/0-1/*.ckpt")}
    assert len(list(folder.rglob("metrics.json"))) == 12
    return sorted(int(name) for name in kept)


def study(direction: str) -> optuna.Study:
    made = optuna.create_study(direction=direction)
    for value in (3.0, 1.0, 2.0):
        made.add_trial(create_trial(value=value))
    made.add_trial(create_trial(state=TrialState.PRUNED))
    made.add_trial(create_trial(state=TrialState.FAIL))
    made.add_trial(create_trial(state=TrialState.RUNNING))
    return made


@pytest.mark.parametrize(("direction", "kept"), [("minimize", [1, 2, 4, 5]), ("maximize", [0, 2, 4, 5])])
def test_the_best_keep_their_networks_and_so_does_what_may_go_on(
    folder: Path, direction: str, kept: list[int]
) -> None:
    tidy(folder, study(direction), 2)
    assert left(folder) == kept


def test_an_attempt_that_was_gone_on_from_keeps_nothing(folder: Path) -> None:
    made = study("minimize")
    made.add_trial(create_trial(value=0.5, user_attrs={"earlier": [4]}))
    tidy(folder, made, 1)
    assert left(folder) == [5]


def test_of_several_objectives_all_that_nothing_beats_are_kept(folder: Path) -> None:
    made = optuna.create_study(directions=["minimize", "maximize"])
    for values in ([1.0, 1.0], [2.0, 2.0], [3.0, 3.0], [3.0, 1.0]):
        made.add_trial(create_trial(values=values))
    tidy(folder, made, 1)
    assert left(folder) == [0, 1, 2, 4, 5]
