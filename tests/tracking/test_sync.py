"""Offline runs in MLflow: as if they had been tracked there, once, however often and late they come."""

import math
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from mlflow.entities import Metric
from mlflow.tracking import MlflowClient

import deepsquat.tracking.mlflow_run
from deepsquat.errors import UserError
from deepsquat.runs.missing import draw_missing
from deepsquat.tracking import run_folder
from deepsquat.tracking.mlflow import MlflowOptions
from deepsquat.tracking.mlflow_run import Run
from deepsquat.tracking.offline import Store
from deepsquat.tracking.sync import import_runs
from offline_runs import artifacts, made, points, runs
from program import Command


def test_a_training_is_in_mlflow_as_if_it_had_been_tracked_there(
    trained: tuple[Path, object], training: Callable[..., list[str]], command: Command, home: Path
) -> None:
    folder, _ = trained
    direct = command(*training(offline=False))
    assert direct.returncode == 0, direct.stderr
    direct_id = next(line for line in direct.stdout.splitlines() if line.startswith("Run ")).split()[1][:32]
    done = command("src/sync.py", str(folder.parent))
    assert done.returncode == 0 and done.stderr == "", done.stderr
    said = "Runs: 1 imported, 0 brought up to date, 0 already there. To look at them: mlflow ui, in"
    assert done.stdout == f"{said} {home}, then http://127.0.0.1:5000\n"

    client = MlflowClient(f"sqlite:///{home}/mlflow.db")
    there = client.get_run(direct_id)
    (here,) = client.search_runs([there.info.experiment_id], f"tags.`offline.id` = '{folder.name}'")
    here = client.get_run(here.info.run_id)
    record = run_folder.read_record(folder)
    times = (record.start_time, record.end_time)
    assert (here.info.start_time, here.info.end_time) == times
    assert (here.info.run_name, here.info.status) == (there.info.run_name, there.info.status)

    def params(run) -> dict[str, str]:
        return {key: value for key, value in run.data.params.items() if not key.startswith("tracking.")}

    assert params(here) == params(there)
    assert here.data.tags.keys() - there.data.tags.keys() == {"offline.id", "offline.state"}
    apart = {key for key, value in there.data.tags.items() if here.data.tags[key] != value}
    missing = {f"version.{name}" for name in ("mlflow", "mediapipe", "albumentations")}
    assert apart <= {"command", "folder", "mlflow.source.name", *missing}
    assert here.inputs.dataset_inputs[0].dataset == there.inputs.dataset_inputs[0].dataset
    assert here.inputs.dataset_inputs[0].tags == there.inputs.dataset_inputs[0].tags

    def values(run) -> list[tuple]:
        """Without what nobody can say where scikit-learn is not, and what takes another time."""
        every = [(k, step, v) for k, step, _, v in points(client, run) if k != "fit_seconds"]
        return [point for point in every if not point[0].startswith(("test/oracle/", "system/"))]

    assert values(here) == values(there)
    # Without the images there is nothing to draw these two from.
    assert artifacts(client, here) == artifacts(client, there) - {"samples.png", "mistakes.png"}
    for name in ("curves.png", "confusion.png"):
        picture = home / "mlruns" / here.info.run_id / "artifacts" / name
        assert picture.read_bytes().startswith(b"\x89PNG")


def test_what_was_imported_is_not_imported_again(
    offline: Store, options: MlflowOptions, bring: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = made(offline, "a run")
    run.end("FAILED")
    assert "1 imported, 0 brought up to date, 0 already there" in bring()
    monkeypatch.setattr(MlflowClient, "log_batch", None)  # nothing is written
    monkeypatch.setattr(MlflowClient, "log_artifact", None)
    for folder in (offline.folder, offline.folder / run.id, offline.folder.parent):
        assert "0 imported, 0 brought up to date, 1 already there" in bring(folder)
    assert runs(options)["a run"].info.status == "FAILED"


def test_a_run_that_has_gone_on_is_brought_up_to_date(
    offline: Store, options: MlflowOptions, bring: Callable[..., str], tmp_path: Path
) -> None:
    run = made(offline, "a run")
    run.tags({"error": "ValueError: no good"})
    run.end("FAILED")
    bring()
    before = runs(options)["a run"]
    MlflowClient(options.uri).set_tag(before.info.run_id, "mlflow.note.content", "mine")
    shutil.copytree(offline.folder, tmp_path / "older")

    run.reopen()
    run.metrics({"loss": 0.1, "late": 7}, 4)
    with (offline.folder / run.id / "metrics.jsonl").open("a") as file:
        file.write('{"time": 17955')  # as it may be met while it is written
    (tmp_path / "config.yaml").write_text("seed: 1\n")
    run.artifact(tmp_path / "config.yaml")
    assert "0 imported, 1 brought up to date, 0 already there" in bring()
    client, found = MlflowClient(options.uri), runs(options)["a run"]
    assert (found.info.run_id, found.info.status) == (before.info.run_id, "RUNNING")
    assert "error" not in found.data.tags and found.data.tags["mlflow.note.content"] == "mine"
    assert [p[:2] for p in points(client, found)] == [
        ("late", 4),
        *(("loss", step) for step in (1, 2, 3, 4)),
        *(("other", step) for step in (1, 2, 3)),
    ]
    saved = Path(options.artifacts) / found.info.run_id / "artifacts" / "config.yaml"
    assert saved.read_text() == "seed: 1\n"

    run.metrics({"loss": 0.05}, 5)
    run.end("FINISHED")
    assert "1 brought up to date" in bring()
    assert "1 already there" in bring(tmp_path / "older")
    assert "1 already there" in bring(tmp_path)  # of two copies the one that has come further counts
    assert runs(options)["a run"].info.status == "FINISHED"


CALLS = ("create_run", "log_batch", "log_inputs", "log_artifact", "set_terminated")


def test_an_import_that_is_cut_short_anywhere_is_completed_and_nothing_is_doubled(
    offline: Store, options: MlflowOptions, bring: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    left = 0  # calls before the import is cut short

    def dying(call: Callable) -> Callable:
        def instead(*arguments, **named):
            nonlocal left
            if left == 0:
                raise KeyboardInterrupt
            left -= 1
            return call(*arguments, **named)

        return instead

    for name in CALLS:
        monkeypatch.setattr(MlflowClient, name, dying(getattr(MlflowClient, name)))
    monkeypatch.setattr(deepsquat.tracking.mlflow_run, "BATCH", 4)
    client, cuts, whole = MlflowClient(options.uri), 0, False
    while not whole:
        run = made(offline, f"cut {cuts}")
        run.metrics({"loss": float("nan"), "other": float("inf")}, 4)
        run.end("FINISHED")
        left = cuts
        try:
            bring(run.folder)
            whole = True
        except KeyboardInterrupt:
            left = 1000
            assert "1 imported, 0 brought up to date, 0 already there" in bring(run.folder)
        found = runs(options)[f"cut {cuts}"]
        assert len(points(client, found)) == 8 and len(found.inputs.dataset_inputs) == 1
        assert math.isnan(found.data.metrics["loss"]) and found.info.status == "FINISHED"
        assert found.data.params.keys() == {f"p{i}" for i in range(5)}
        assert artifacts(client, found) == {"config.yaml", "checkpoints/config.yaml"}
        cuts += 1
    # create, params, two batches of points, data set, tags, two artifacts, end, state: each was cut off once.
    assert cuts == 11


def test_points_go_in_batches_and_only_those_that_mlflow_lacks(
    offline: Store, options: MlflowOptions, bring: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = made(offline, "a run", epochs=1200)
    run.params({f"q{i}": i for i in range(210)})
    sizes: list[tuple[int, int]] = []
    log_batch = MlflowClient.log_batch

    def counting(self, run_id, metrics=(), params=(), tags=(), **more):
        sizes.append((len(metrics), len(params)))
        return log_batch(self, run_id, metrics, params, tags, **more)

    monkeypatch.setattr(MlflowClient, "log_batch", counting)
    bring()
    assert [size for size in sizes if any(size)] == [
        *((0, 100), (0, 100), (0, 15)),
        *((1000, 0), (1000, 0), (400, 0)),
    ]
    sizes.clear()
    run.metrics({"loss": 0.0}, 1201)
    bring()
    assert [size for size in sizes if any(size)] == [(1, 0)]


def test_mlflow_keeps_an_equal_point_once(options: MlflowOptions) -> None:
    """Two imports at once, into a server, would then still not double any."""
    store = options.open_store()
    run = Run(store.client, store.start("a run", {}).id, "RUNNING", {})
    for value in (0.5, float("nan")):
        for _ in range(2):
            run.points([Metric("loss", value, 1000, 3), Metric("loss", value, 1000, 4)])
    assert len(store.client.get_metric_history(run.id, "loss")) == 4


def test_children_are_put_under_their_parent_wherever_it_lies(
    offline: Store, options: MlflowOptions, bring: Callable[..., str], tmp_path: Path
) -> None:
    parent = made(offline, "parent", {"sweep": "depth"})
    children = [made(offline, f"child {i}", {"mlflow.parentRunId": parent.id}) for i in range(2)]
    (tmp_path / "a" / "b").mkdir(parents=True)
    (offline.folder / children[0].id).rename(tmp_path / "a" / "b" / "renamed")
    (offline.folder / parent.id).rename(tmp_path / "elsewhere")

    said = bring()
    assert "1 imported" in said and "1 are trials of a sweep whose parent run is not there" in said
    assert "mlflow.parentRunId" not in runs(options)["child 1"].data.tags
    said = bring(tmp_path)
    assert "2 imported, 1 brought up to date, 0 already there" in said and "Note" not in said
    found = runs(options)
    for child in ("child 0", "child 1"):
        assert found[child].data.tags["mlflow.parentRunId"] == found["parent"].info.run_id
    assert "3 already there" in bring(tmp_path)
    assert "1 already there" in bring(tmp_path / "a") and "Note" not in bring(tmp_path / "a")


def test_a_run_goes_into_the_experiment_that_it_names(
    offline: Store, options: MlflowOptions, tmp_path: Path
) -> None:
    offline.experiment = f"{tmp_path.name} of its own"
    made(offline, "a run")
    import_runs(offline.folder, replace(options, experiment=""), draw_missing)
    assert set(runs(replace(options, experiment=offline.experiment))) == {"a run"}


def test_a_deleted_experiment_keeps_no_other_from_being_imported(
    offline: Store, options: MlflowOptions, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    client, names = MlflowClient(options.uri), [f"{tmp_path.name} {i}" for i in range(3)]
    for offline.experiment in names:
        made(offline, offline.experiment)
    client.delete_experiment(client.create_experiment(names[1]))
    with pytest.raises(UserError, match=f"1 could not be imported: .*={names[1]} is deleted in ") as caught:
        import_runs(offline.folder, replace(options, experiment=""), draw_missing)
    assert "\n" not in str(caught.value) and "Runs: 2 imported" in capsys.readouterr().out
    for name in (names[0], names[2]):
        assert set(runs(replace(options, experiment=name))) == {name}


def test_what_was_deleted_in_mlflow_is_not_brought_back(
    offline: Store, options: MlflowOptions, bring: Callable[..., str]
) -> None:
    run = made(offline, "a run")
    bring()
    MlflowClient(options.uri).delete_run(runs(options)["a run"].info.run_id)
    run.end("FINISHED")
    assert "0 already there, 1 deleted there and left out" in bring()
    assert runs(options) == {}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["{home}/nowhere"],
            "nowhere: there is no such folder; name a folder with runs of tracking=offline",
        ),
        (["README.md"], "README.md: is no folder"),
        (["conf"], "conf: there is no run in it or below it"),
        (["here", "there"], "one folder at a time, which may hold the others: here there"),
        (["conf", "trackin.uri=x"], "there is no trackin; did you mean tracking?"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    arguments: list[str], message: str, command: Command, home: Path
) -> None:
    done = command("src/sync.py", *(word.format(home=home) for word in arguments))
    assert done.returncode == 2 and done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ") and message in line


@pytest.mark.parametrize("folder", ["it's", "a=b", "back\\", "back\\slash '", "two  words", "{a: [b, c"])
def test_hydra_reads_the_folder_as_it_was_typed(folder: str, command: Command) -> None:
    done = command("src/sync.py", f"./{folder}", "--cfg", "job")
    assert done.returncode == 0, done.stderr
    from omegaconf import OmegaConf

    assert OmegaConf.create(done.stdout).folder == f"./{folder}"
