"""Trials as tasks of Ray, on a cluster of which a node dies."""

import os
import signal
import time

import psutil
import pytest

from scale.conftest import Ray
from toy import Toy


def _wait_for_steps(toy: Toy, least: int) -> None:
    deadline = time.monotonic() + 120
    steps = [toy.folder / "multirun" / "toy" / str(number) / "step" for number in (0, 1)]
    while not all(path.exists() and int(path.read_text() or 0) >= least for path in steps):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _raylet_of(toy: Toy, number: int) -> psutil.Process:
    """Of the node that runs the trial."""
    trials = toy.trials()
    worker = psutil.Process(trials[number].user_attrs["worker"]["pid"])
    found = worker.parent()
    assert found is not None and "raylet" in found.name()
    return found


@pytest.mark.slow
@pytest.mark.parametrize("killed", [0, 1])
def test_a_node_that_dies_costs_its_own_trial_what_came_after_the_checkpoint(
    toy: Toy, ray_cluster: Ray, killed: int
) -> None:
    to = ("hydra/launcher=ray", f"hydra.launcher.ray.init.address={ray_cluster.address}")
    sweep = toy.start("x=1,2,3", "steps=40", "sleep=0.3", *to, "hydra.sweeper.n_jobs=2")
    _wait_for_steps(toy, 5)
    os.kill(_raylet_of(toy, killed).pid, signal.SIGKILL)
    ray_cluster.add_node()
    said, _ = sweep.communicate(timeout=300)
    assert sweep.returncode == 0, said
    trials = toy.trials()
    assert [trial.user_attrs.get("ended") for trial in trials].count("lost") == 1
    assert trials[killed].user_attrs["ended"] == "lost" and toy.states() == {"COMPLETE": 3, "FAIL": 1}
    begun = {number: step for number, _, _, step in toy.ran()}
    (again,) = [trial.number for trial in trials if trial.user_attrs["earlier"] == [killed]]
    assert begun[again] >= 5 and len(toy.ran()) == 4


@pytest.mark.slow
def test_a_sweep_that_is_ended_interrupts_its_trials_and_goes_on_later(toy: Toy, ray_cluster: Ray) -> None:
    to = ("hydra/launcher=ray", f"hydra.launcher.ray.init.address={ray_cluster.address}")
    line = ("x=1,2", "steps=40", *to, "hydra.sweeper.n_jobs=2")
    sweep = toy.start(*line, "sleep=0.3")
    _wait_for_steps(toy, 5)
    said = toy.stop(sweep, signal.SIGTERM)
    assert sweep.returncode == 130 and "Interrupted" in said, said
    assert {trial.user_attrs.get("ended") for trial in toy.trials()} == {"interrupted"}
    toy.run(*line, "sleep=0")
    assert toy.states() == {"COMPLETE": 2, "FAIL": 2}
    assert min(step for *_, step in toy.ran()[2:]) >= 5
