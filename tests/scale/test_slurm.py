"""Trials as jobs of Slurm: requeued, cut off by a time limit, and ended with their sweep."""

import signal
import time

import pytest

from scale.conftest import Slurm
from toy import Toy

LAUNCHER = "hydra/launcher=submitit_slurm"


@pytest.fixture(autouse=True)
def cluster(slurm: Slurm, monkeypatch: pytest.MonkeyPatch) -> Slurm:
    monkeypatch.setenv("SLURM_CONF", str(slurm.conf))
    return slurm


def _wait_for_step(toy: Toy, trial: int, step: int) -> None:
    path = toy.folder / "multirun" / "toy" / str(trial) / "step"
    deadline = time.monotonic() + 120
    while not (path.exists() and int(path.read_text() or 0) >= step):
        assert time.monotonic() < deadline, path
        time.sleep(0.1)


@pytest.mark.slow
def test_a_requeued_job_goes_on_where_it_was_and_leaves_nothing_in_the_queue(toy: Toy, slurm: Slurm) -> None:
    sweep = toy.start("x=1,2", "steps=20", "sleep=0.3", LAUNCHER)
    _wait_for_step(toy, 0, 3)
    slurm.said("scontrol", "requeue", *slurm.jobs())
    said, _ = sweep.communicate(timeout=300)
    assert sweep.returncode == 0, said
    assert "trial 0   x=1  interrupted; it is resumed" in said
    (first, again, other) = toy.ran()
    assert first[0] == 0 and again[:2] == (1, 1.0) and again[3] >= 3 and other[1:] == (2.0, 0.1, 0)
    assert toy.states() == {"COMPLETE": 2, "FAIL": 1}
    assert slurm.jobs() == []


@pytest.mark.slow
def test_a_time_limit_interrupts_a_trial_which_the_next_job_resumes(toy: Toy, slurm: Slurm) -> None:
    limit = ("hydra.launcher.timeout_min=1", "hydra.launcher.signal_delay_s=15")
    said = toy.run("x=choice(1)", "steps=200", "sleep=0.3", LAUNCHER, *limit, timeout=400)
    assert "interrupted; it is resumed" in said
    begun = [step for *_, step in toy.ran()]
    assert begun[0] == 0 and begun == sorted(set(begun)) and len(begun) >= 2
    assert toy.states()["COMPLETE"] == 1 and "failed" not in said
    assert slurm.jobs() == []


@pytest.mark.slow
def test_ctrl_c_takes_the_jobs_out_of_the_queue_and_the_sweep_goes_on_later(toy: Toy, slurm: Slurm) -> None:
    line = ("x=1,2,3,4", "steps=20", "sleep=0.3", LAUNCHER, "hydra.sweeper.n_jobs=4")
    sweep = toy.start(*line)
    _wait_for_step(toy, 0, 3)
    said = toy.stop(sweep, signal.SIGINT)
    assert sweep.returncode == 130, said
    assert slurm.jobs() == []
    assert {trial.user_attrs.get("ended") for trial in toy.trials()} == {"interrupted"}
    toy.run(*line[:1], "steps=20", "sleep=0", LAUNCHER, "hydra.sweeper.n_jobs=4")
    assert toy.states()["COMPLETE"] == 4 and max(step for *_, step in toy.ran()) >= 3
    assert slurm.jobs() == []
