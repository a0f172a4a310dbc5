"""The runs of a sweep: one parent a study, found by the study's id, and no child that nobody runs."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import optuna
import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf

from deepsquat.commands import run as command
from deepsquat.commands.sweep import StudyRuns, bring_folds, child_tags, resumable_run
from deepsquat.errors import UserError
from deepsquat.runs.owner import own, owner
from deepsquat.study.ownership import this_process
from deepsquat.tracking import Run, Store
from deepsquat.tracking.mlflow import MlflowOptions
from deepsquat.tracking.offline import OfflineOptions
from deepsquat.trainer import checkpoint
from program import ROOT


def composed(*overrides: str) -> DictConfig:
    OmegaConf.register_new_resolver("root", lambda: str(ROOT), replace=True)
    with initialize_config_dir(command.CONF, version_base=None):
        return compose("train", overrides=list(overrides), return_hydra_config=True)


@pytest.fixture
def offline(tmp_path: Path) -> Store:
    return OfflineOptions(str(tmp_path / "offline")).open_store()


@pytest.fixture
def config(tmp_path: Path) -> DictConfig:
    return composed("sweep=depth_l2", "tracking=offline", f"tracking.folder={tmp_path / 'offline'}")


def study(study_id: str) -> optuna.Study:
    made = optuna.create_study()
    made.set_user_attr("id", study_id)
    identity = {"swept": "model.blocks=1,2", "hydra.sweeper.sampler": "grid", "hydra.sweeper.pruner": "none"}
    made.set_user_attr("identity", {**identity, "optim.l2": "1e-6"})
    return made


@pytest.fixture
def hooks(config: DictConfig, tmp_path: Path) -> StudyRuns:
    folder = tmp_path / "multirun" / "depth"
    folder.mkdir(parents=True)
    return StudyRuns(config, "depth", str(folder))


def child(store: Store, parent: str, study_id: str, number: int) -> Run:
    trial = {
        "parent": parent,
        "id": study_id,
        "study": "depth",
        "number": number,
        "point": number,
        "earlier": [],
    }
    return store.start(f"trial {number}", child_tags(OmegaConf.create(trial)))


def parents(store: Store) -> list[Run]:
    return store.tagged({"sweep": "depth"})


def test_a_parent_says_what_made_it_and_is_found_again(hooks: StudyRuns, offline: Store) -> None:
    first = hooks.on_start(study("a"))
    assert hooks.on_start(study("a")) == first
    (parent,) = parents(offline)
    assert parent.id == first["parent"]
    tags = ("sweep", "sweep.option", "study.id", "search space")
    assert [parent.tag(name) for name in tags] == ["depth", "depth_l2", "a", "model.blocks=1,2"]


def test_a_store_without_the_run_of_a_sweep_that_goes_on_elsewhere_is_refused(
    hooks: StudyRuns, offline: Store
) -> None:
    made = study("a")
    made.ask().set_user_attr("owner", this_process())
    with pytest.raises(UserError, match=r"tracking=offline: the sweep's own run is not here.*trial 0 runs"):
        hooks.on_start(made)
    assert parents(offline) == []


def test_a_sweep_that_was_typed_has_no_option(tmp_path: Path, offline: Store) -> None:
    config = composed("tracking=offline", f"tracking.folder={tmp_path / 'offline'}")
    StudyRuns(config, "depth", str(tmp_path)).on_start(study("a"))
    assert parents(offline)[0].tag("sweep.option") == ""


def test_studies_of_one_name_have_a_parent_each(hooks: StudyRuns, offline: Store) -> None:
    assert hooks.on_start(study("a")) != hooks.on_start(study("b"))
    assert len(parents(offline)) == 2


def test_first_starts_at_once_make_one_parent(hooks: StudyRuns, offline: Store) -> None:
    others = [StudyRuns(hooks.config, hooks.name, hooks.folder) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda other: other.on_start(study("a"))["parent"], others))
    assert len(set(found)) == 1 == len(parents(offline))


def test_a_deleted_parent_gets_a_successor_with_all_its_children(tmp_path: Path) -> None:
    home = f"tracking.uri=sqlite:///{tmp_path}/mlflow.db"
    hooks = StudyRuns(composed(home, f"tracking.artifacts={tmp_path / 'mlruns'}"), "depth", str(tmp_path))
    old = hooks.on_start(study("a"))["parent"]
    store = MlflowOptions(f"sqlite:///{tmp_path}/mlflow.db", str(tmp_path / "mlruns")).open_store()
    ours, stranger = child(store, old, "a", 0), child(store, old, "b", 0)
    ours.end("FINISHED")
    store.client.delete_run(old)

    new = hooks.on_start(study("a"))["parent"]
    assert new != old
    found = store.find(ours.id)
    assert (found.tag("mlflow.parentRunId"), found.status) == (new, "FINISHED")
    assert store.find(stranger.id).tag("mlflow.parentRunId") == old


def test_runs_that_no_trial_runs_any_more_are_ended(hooks: StudyRuns, offline: Store) -> None:
    made = study("a")
    parent = hooks.on_start(made)["parent"]
    lost, running = made.ask(), made.ask()
    made.tell(lost, state=optuna.trial.TrialState.FAIL)
    runs = [child(offline, parent, "a", trial.number) for trial in (lost, running)]

    hooks.on_start(made)
    assert [offline.find(run.id).status for run in runs] == ["KILLED", "RUNNING"]

    hooks.on_end(made, "interrupted")  # another process runs a trial, so that the sweep goes on
    assert parents(offline)[0].status == "RUNNING"
    made.tell(running, state=optuna.trial.TrialState.FAIL)
    hooks.on_end(made, "interrupted")
    assert [run.status for run in (*parents(offline), offline.find(runs[1].id))] == ["KILLED", "KILLED"]


@pytest.mark.parametrize(("ending", "status"), [("done", "FINISHED"), ("undone", "FAILED")])
def test_a_parent_ends_as_its_sweep(hooks: StudyRuns, offline: Store, ending, status: str) -> None:
    made = study("a")
    hooks.on_start(made)
    trial = made.ask()
    trial.set_user_attr("point", 0)
    made.tell(trial, 0.5)
    hooks.on_trial_end(made, made.trials[0])
    hooks.on_end(made, ending)
    (parent,) = parents(offline)
    assert parent.status == status
    assert parent.latest_metrics() == {"best": 0.5}
    assert (Path(hooks.folder) / "report" / "table.csv").is_file()


def test_a_sweep_that_ends_before_its_parent_is_there_ends_in_silence(
    hooks: StudyRuns, offline: Store
) -> None:
    for ending in ("interrupted", "undone"):
        hooks.on_end(study("a"), ending)
    assert parents(offline) == []


@pytest.fixture
def resumed(config: DictConfig, tmp_path: Path) -> tuple[DictConfig, Path]:
    """The config of trial 2, after attempts 0 and 1, and the folder of the study."""
    OmegaConf.set_struct(config, False)
    config.trial = {
        "number": 2,
        "id": "a",
        "study": "depth",
        "point": 0,
        "earlier": [1, 0],
        "parent": "p",
    }
    folder = tmp_path / "multirun" / "depth"
    for number in (0, 1):
        (folder / str(number) / "files").mkdir(parents=True)
    (folder / "2").mkdir()
    return config, folder


def checkpointed(folder: Path, run: Run) -> str:
    """Gives the folder of an attempt its last.ckpt, whose SHA-256 is returned."""
    checkpoint.write(folder / "last.ckpt", lambda path: torch.save({"run": run.id}, path))
    return hashlib.sha256((folder / "last.ckpt").read_bytes()).hexdigest()


def test_a_trial_resumes_the_run_of_the_latest_attempt_that_has_a_checkpoint(
    resumed: tuple[DictConfig, Path], offline: Store
) -> None:
    config, folder = resumed
    runs = [child(offline, "p", "a", number) for number in (0, 1)]
    hashes = [checkpointed(folder / str(number), run) for number, run in enumerate(runs)]
    copied = folder / "2" / "last.ckpt"
    assert resumable_run(config, folder / "2") == runs[1].id
    assert hashlib.sha256(copied.read_bytes()).hexdigest() == hashes[1]
    assert [offline.find(run.id).status for run in runs] == ["KILLED", "RUNNING"]

    (folder / "1" / "last.ckpt").write_bytes(b"damaged")
    assert resumable_run(config, folder / "2") == runs[0].id
    assert hashlib.sha256(copied.read_bytes()).hexdigest() == hashes[0]


def test_a_trial_leaves_the_runs_of_another_study_alone(
    resumed: tuple[DictConfig, Path], offline: Store
) -> None:
    config, folder = resumed
    other = child(offline, "p", "the deleted study", 1)
    other.tags({"folder": str(folder / "1")})
    other.end("FINISHED")
    checkpointed(folder / "1", other)
    assert resumable_run(config, folder / "2") is None
    assert not (folder / "2" / "last.ckpt").exists()
    assert offline.find(other.id).status == "FINISHED"


def test_a_resumed_run_is_tagged_with_its_attempts(resumed: tuple[DictConfig, Path]) -> None:
    tags = child_tags(resumed[0].trial)
    assert tags["resumed"] == "after trial 0, 1"
    assert (tags["study.id"], tags["trial"], tags["grid_point"]) == ("a", "2", "0")


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["optim.l2=1e-5x"], r"optim\.l2: Value '1e-5x'"),
        (["model.blocks=9"], "block 5 of 9"),
        (["seed=-1"], "seed must be"),
        (["data=arrays"], r"data\.file"),
    ],
)
def test_values_that_cannot_be_are_found_without_any_data(
    hooks: StudyRuns, overrides: list[str], said: str
) -> None:
    hooks.check(composed("sweep=depth_l2"))
    with pytest.raises(UserError, match=said):
        hooks.check(composed("sweep=depth_l2", *overrides))


@pytest.mark.parametrize(
    ("tracked", "said"),
    [
        (["tracking.uri=nonsense://"], "tracking.uri=nonsense"),
        (["tracking=offline", "tracking.folder=/dev/null/x"], "/dev/null/x: cannot be written"),
    ],
)
def test_a_store_that_cannot_be_is_found_before_the_data_is_made(
    tmp_path: Path, tracked: list[str], said: str
) -> None:
    data = [f"paths.data={tmp_path}", f"data.root={tmp_path / 'raw'}"]
    hooks = StudyRuns(composed("sweep=depth_l2", *tracked, *data), "depth", str(tmp_path))
    with pytest.raises(UserError, match=said):
        hooks.identity()
    assert not list(tmp_path.iterdir())


def test_folds_that_a_kill_left_in_two_folders_are_gathered(tmp_path: Path) -> None:
    """Attempt 1 began; attempt 2 was killed while it moved that: all but whose it is had come over."""
    for name in ("1", "2/0-0", "2/files", "3"):
        (tmp_path / name).mkdir(parents=True)
    own(tmp_path / "1", "run of the folds")
    (tmp_path / "2" / "folds.json").write_text("{}")
    bring_folds(OmegaConf.create({"trial": {"earlier": [2, 1]}}), tmp_path / "3")
    assert {path.name for path in (tmp_path / "3").iterdir()} >= {"0-0", "files", "folds.json"}
    assert owner(tmp_path / "3") == "run of the folds" and not owner(tmp_path / "1")
