"""A trial that a queue or Ray runs once more is left to the sweep, which resumes it."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import optuna
import pytest
from omegaconf import DictConfig, OmegaConf
from optuna.trial import TrialState

from deepsquat.study.launch import _join_ray
from deepsquat.study.options import StudyOptions
from deepsquat.study.ownership import this_process
from deepsquat.study.points import fail
from deepsquat.study.storage import open_storage
from deepsquat.study.task import Task, output_to


class Function:
    """A task function that says whether it was called."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error, self.calls = error, 0

    def __call__(self, config: DictConfig) -> float:
        self.calls += 1
        if self.error is not None:
            raise self.error
        return 0.5


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> optuna.Study:
    folder = SimpleNamespace(runtime=SimpleNamespace(output_dir=str(tmp_path)))
    monkeypatch.setattr("hydra.core.hydra_config.HydraConfig.get", lambda: folder)
    open_storage.cache_clear()
    return optuna.create_study(storage=open_storage(str(tmp_path / "study.journal")), study_name="s")


def _run(study: optuna.Study, tmp_path: Path, number: int, function: Function) -> optuna.trial.FrozenTrial:
    task = Task(function, str(tmp_path / "study.journal"), "s", StudyOptions(study="s"))
    task(OmegaConf.create({"trial": {"number": number}}))
    return study.trials[number]


def _trial(study: optuna.Study, **attributes: object) -> int:
    trial = study.ask()
    for key, value in {"point": 0, "owner": this_process(), **attributes}.items():
        trial.set_user_attr(key, value)
    return trial.number


def test_a_trial_is_run(study: optuna.Study, tmp_path: Path) -> None:
    function = Function()
    assert _run(study, tmp_path, _trial(study), function).values == [0.5]
    assert function.calls == 1


def test_a_trial_that_has_ended_is_not_run_once_more(study: optuna.Study, tmp_path: Path) -> None:
    number, function = _trial(study), Function()
    fail(study, number, "interrupted", "interrupted")
    assert _run(study, tmp_path, number, function).user_attrs["ended"] == "interrupted"
    assert function.calls == 0


def test_a_trial_whose_worker_is_gone_is_lost_and_not_begun_anew(study: optuna.Study, tmp_path: Path) -> None:
    gone = {**this_process(), "pid": 1, "started": "1"}
    number, function = _trial(study, worker=gone), Function()
    trial = _run(study, tmp_path, number, function)
    assert (trial.state, trial.user_attrs["ended"], function.calls) == (TrialState.FAIL, "lost", 0)


def test_a_job_of_a_queue_ends_well_where_it_is_interrupted(
    study: optuna.Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(KeyboardInterrupt):
        _run(study, tmp_path, _trial(study), Function(KeyboardInterrupt()))
    monkeypatch.setenv("SUBMITIT_EXECUTOR", "slurm")
    trial = _run(study, tmp_path, _trial(study), Function(KeyboardInterrupt()))
    assert trial.user_attrs["ended"] == "interrupted"


def test_slurms_jobs_are_ended_by_their_name(tmp_path: Path) -> None:
    """With programs that stand for Slurm's, since it is rarely there."""
    for name, body in {"scancel": "rm -f queue", "squeue": "cat queue 2>/dev/null"}.items():
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\necho {name} $* >> asked\n{body}\n")
        program.chmod(0o755)
    (tmp_path / "queue").write_text("17 toy-1 R\n")
    code = "from deepsquat.study.launch import end_jobs; end_jobs('toy-1')"
    source = str(Path(__file__).parents[2] / "src")
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": source}
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, check=True, timeout=60)
    asked = (tmp_path / "asked").read_text().splitlines()
    assert asked == ["scancel --me --name=toy-1", "squeue --noheader --me --name=toy-1"]


class Rays:
    """A stream as Ray's workers have it: it does not say how much it took."""

    def __init__(self) -> None:
        self.said = ""

    def write(self, text: str) -> None:
        self.said += text

    def flush(self) -> None:
        pass


def test_a_stream_that_does_not_say_how_much_it_took_is_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = Rays()
    monkeypatch.setattr("sys.stdout", stream)
    monkeypatch.setattr("sys.stderr", stream)
    with output_to(tmp_path / "output.txt"):
        print("in the trial")
    print("after it")
    assert (tmp_path / "output.txt").read_text() == "in the trial\n" and stream.said == "after it\n"


@pytest.mark.parametrize(
    ("address", "told"), [(None, {"address": None}), ("h:1", {"address": "h:1", "object_store_memory": None})]
)
def test_ray_is_not_told_the_memory_of_a_cluster_that_is_there(address: str | None, told: dict) -> None:
    launcher = {"_target_": "some.RayLauncher", "ray": {"init": {"address": address}}}
    config = OmegaConf.create({"hydra": {"launcher": launcher}})
    OmegaConf.set_readonly(config, True)
    _join_ray(config)
    assert config.hydra.launcher.ray.init == told
