"""The store is slow, locked, full or away: a start waits for it, and a run goes on without it."""

import resource
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import optuna
import pytest
from mlflow.tracking import MlflowClient
from omegaconf import OmegaConf

from deepsquat.commands.sweep import StudyRuns
from deepsquat.errors import UserError
from deepsquat.runs.missing import draw_missing
from deepsquat.study.running import Pruned
from deepsquat.tracking import connection, database, lasting
from deepsquat.tracking.connection import Connection
from deepsquat.tracking.lasting import LastingRun
from deepsquat.tracking.mlflow import MlflowOptions, Store
from deepsquat.tracking.sync import import_runs


@pytest.fixture
def store(options: MlflowOptions) -> Store:
    store = options.open_store()
    assert isinstance(store, Store)
    return store


@pytest.fixture
def run(store: Store, tmp_path: Path) -> LastingRun:
    """A run that has come through one epoch."""
    run = store.start("a run", {"folder": str(tmp_path / "run")})
    run.params({"seed": 0})
    run.metrics({"loss": 1.0}, 1)
    return run


@contextmanager
def locked(options: MlflowOptions) -> Iterator[None]:
    """As by another program that has it open."""
    path = options.uri.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield


def steps(store: Store, run: LastingRun) -> list[int]:
    return [point.step for point in store.client.get_metric_history(run.id, "loss")]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits of a second, not of a minute."""
    monkeypatch.setattr(connection, "FIRST_WORD", 0.2)
    monkeypatch.setattr(connection, "PATIENCE", 1.5)
    check = database.check_free
    monkeypatch.setattr(database, "check_free", lambda path, inode, seconds: check(path, inode, 0.1))


def test_what_a_locked_store_did_not_take_is_written_after_the_next_epoch(
    options: MlflowOptions, store: Store, run: LastingRun, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "predictions.csv"
    with locked(options):
        run.metrics({"loss": 0.5}, 2)
        run.tags({"late": "yes"})
        run.dataset("synthetic", "abc", "drawn", "{}")
        file.write_text("a")
        run.artifact(file)
        assert run.history(["loss"]) == [{"epoch": 1, "loss": 1.0}, {"epoch": 2, "loss": 0.5}]
        (note,) = capfd.readouterr().err.splitlines()
        assert f"tracking.uri={options.uri} is not written to (database is locked)" in note
        assert str(run.folder) in note and run.unwritten()
    assert steps(store, run) == [1]
    run.metrics({"loss": 0.25}, 3)
    assert "is written to again" in capfd.readouterr().err
    assert not run.folder.exists() and run.unwritten() == ""
    run.metrics({"loss": 0.125}, 4)
    run.end("FINISHED")
    assert steps(store, run) == [1, 2, 3, 4]
    found = store.client.get_run(run.id)
    assert (found.data.params, found.data.tags["late"]) == ({"seed": "0"}, "yes")
    assert found.info.status == "FINISHED" and len(found.inputs.dataset_inputs) == 1
    assert (Path(options.artifacts) / run.id / "artifacts" / "predictions.csv").read_text() == "a"


@pytest.mark.parametrize("again", [False, True])
def test_what_a_store_never_took_is_written_by_sync_under_the_same_id(
    again: bool, options: MlflowOptions, store: Store, run: LastingRun, tmp_path: Path, capsys
) -> None:
    with locked(options), run.ending(Pruned):
        run.metrics({"loss": 0.5}, 2)
    line = run.unwritten()
    assert "database is locked" in line and line.endswith(f"python src/sync.py {run.folder}")
    assert store.client.get_run(run.id).info.status == "RUNNING" and steps(store, run) == [1]
    if again:  # it was cut short before the folder went
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(lasting, "shutil", None)
            with pytest.raises(AttributeError):
                import_runs(tmp_path, options, draw_missing)
    import_runs(tmp_path, options, draw_missing)
    assert "0 imported, 1 brought up to date" in capsys.readouterr().out
    found = store.client.get_run(run.id)
    assert found.info.status == "FINISHED" and steps(store, run) == [1, 2]
    assert "offline.id" not in found.data.tags
    assert len(store.client.search_runs([store.experiment])) == 1
    with pytest.raises(UserError, match="there is no run in it"):
        import_runs(tmp_path, options, draw_missing)


def test_a_run_that_is_resumed_first_has_written_what_waited(
    options: MlflowOptions, store: Store, run: LastingRun
) -> None:
    with pytest.raises(KeyboardInterrupt), locked(options), run.ending(Pruned):
        run.metrics({"loss": 0.5}, 2)
        raise KeyboardInterrupt
    found = store.find(run.id)
    assert found.status == "KILLED" and not run.folder.exists()
    found.reopen()
    found.metrics({"loss": 0.25}, 3)
    assert steps(store, run) == [1, 2, 3]


def test_a_whole_run_can_be_brought_to_another_store(
    options: MlflowOptions, store: Store, run: LastingRun, tmp_path: Path
) -> None:
    with locked(options):
        run.metrics({"loss": 0.5}, 2)
        run.end("FINISHED")
    path = tmp_path / "other" / "mlflow.db"
    path.parent.mkdir()
    other = MlflowOptions(f"sqlite:///{path}", str(path.parent / "mlruns"), "other")
    import_runs(run.folder, other, draw_missing)
    client = MlflowClient(other.uri)
    (found,) = client.search_runs([client.get_experiment_by_name("other").experiment_id])
    assert (found.info.status, found.data.tags["offline.id"]) == ("FINISHED", run.id)
    assert found.data.params == {"seed": "0"}
    assert [point.step for point in client.get_metric_history(found.info.run_id, "loss")] == [1, 2]
    assert run.folder.exists()  # for the store where the run began


def test_two_processes_that_share_a_run_lose_nothing_of_each_other(
    options: MlflowOptions, store: Store, tmp_path: Path
) -> None:
    tags = {"sweep": "depth", "folder": str(tmp_path)}
    one = store.start("depth", tags)
    two = store.find(one.id)
    with locked(options):
        one.metrics({"loss": 1.0}, 1)
        two.metrics({"loss": 2.0}, 2)
    one.metrics({"loss": 3.0}, 3)  # brings all of it, and takes the folder away
    with locked(options):
        two.metrics({"loss": 4.0}, 4)
    assert "1 runs of this study" in lasting.waiting(tmp_path)
    two.end("FINISHED")
    assert steps(store, one) == [1, 2, 3, 4] and lasting.waiting(tmp_path) == ""


def test_a_sweep_ends_well_though_its_store_is_locked(
    options: MlflowOptions, store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = optuna.create_study()
    study.set_user_attr("id", "a")
    hooks = StudyRuns(OmegaConf.create(), "depth", str(tmp_path))
    hooks.store = store
    hooks.parent = store.start("depth", {"study.id": "a", "sweep": "depth", "folder": str(tmp_path)})
    trial = study.ask()
    trial.set_user_attr("point", 0)
    study.tell(trial, 0.5)
    with locked(options):
        hooks.on_trial_end(study, study.trials[0])
        hooks.on_end(study, "done")
    assert capsys.readouterr().out.endswith(f"once it answers: python src/sync.py {tmp_path}\n")
    (found,) = store.tagged({"sweep": "depth"})
    found.reopen()
    assert lasting.waiting(tmp_path) == ""
    found.end("FINISHED")
    (found,) = store.tagged({"sweep": "depth"})
    assert (found.status, found.latest_metrics()) == ("FINISHED", {"best": 0.5})


def test_a_full_disk_is_no_end(options: MlflowOptions, store: Store, run: LastingRun) -> None:
    size = Path(options.uri.removeprefix("sqlite:///")).stat().st_size
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        run.metrics({f"m{i}": 0.5 for i in range(900)}, 2)
        run.metrics({"loss": 0.5}, 2)
        assert run.folder.exists()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    run.end("FINISHED")
    assert steps(store, run) == [1, 2] and not run.folder.exists()
    assert store.client.get_run(run.id).data.metrics["m899"] == 0.5


def test_a_run_that_is_deleted_meanwhile_goes_on_beside_its_files(store: Store, run: LastingRun) -> None:
    store.client.delete_run(run.id)
    with run.ending(Pruned):
        run.metrics({"loss": 0.5}, 2)
    assert "is deleted there" in run.unwritten() and run.folder.exists()


def test_a_store_is_waited_for_and_named_in_one_line(
    options: MlflowOptions, capfd, monkeypatch: pytest.MonkeyPatch
) -> None:
    with locked(options), pytest.raises(UserError) as caught:
        Connection(options.uri, options.artifacts)
    said = capfd.readouterr().err
    assert said == f"waiting for tracking.uri={options.uri}: another program has locked it; Ctrl-C ends it\n"
    assert f"tracking.uri={options.uri}: " in str(caught.value) and "tracking=offline" in str(caught.value)

    begun = threading.Event()

    def hold() -> None:
        with locked(options):
            begun.set()
            time.sleep(1.4)

    monkeypatch.setattr(connection, "PATIENCE", 60)
    threading.Thread(target=hold).start()
    begun.wait()
    Connection(options.uri, options.artifacts)
    assert "waiting for" in capfd.readouterr().err


def test_a_server_that_never_answers_is_waited_for_no_longer_than_one_that_is_not_there(capfd) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:  # it accepts, and says nothing
        for port, reason in ((server.getsockname()[1], "it does not answer"), (1, "refused")):
            start = time.monotonic()
            with pytest.raises(
                UserError, match=f"tracking.uri=http://127.0.0.1:{port}: .*tracking=offline"
            ) as caught:
                Connection(f"http://127.0.0.1:{port}", "")
            assert time.monotonic() - start < 10
            assert reason in str(caught.value) and "\n" not in str(caught.value)
            assert f"waiting for tracking.uri=http://127.0.0.1:{port}" in capfd.readouterr().err
