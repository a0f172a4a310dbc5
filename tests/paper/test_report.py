"""The report over runs in a real MLflow store: whole, with holes, and with nothing there."""

import time
from pathlib import Path

import numpy as np
import pytest
from mlflow.tracking import MlflowClient

from deepsquat.errors import UserError
from deepsquat.paper import grids, runs
from deepsquat.paper.page import Heading, Picture, Table, Text, markdown, page
from deepsquat.paper.report import write as write_report
from deepsquat.paper.runs import Only
from deepsquat.runs.files import PREDICTIONS
from deepsquat.tracking import Run
from deepsquat.tracking.mlflow import MlflowOptions, Store
from deepsquat.trainer.predictions import confusion

SOURCES = ("synthetic", "videos", "ui_prmd")
ASKED = {
    "quick": {"optim.lr": 5e-4, "optim.batch_size": 16, "skeleton.height": 144, "skeleton.width": 81},
    "paper": {"optim.lr": 1e-5, "optim.batch_size": 500, "skeleton.height": 192, "skeleton.width": 108},
}
ASKED["quick"]["trainer.max_epochs"], ASKED["paper"]["trainer.max_epochs"] = 12, 500
NETWORK = {"model._target_": "deepsquat.model.convnet.ConvNet", "model.blocks": 3, "model.kernel_size": 3}
TAGS = {"protocol": "quick", "data.source": "synthetic", "split": "by_video", "hardware.cpu": "two cores"}


@pytest.fixture
def options(tmp_path: Path) -> MlflowOptions:
    return MlflowOptions(f"sqlite:///{tmp_path}/mlflow.db", str(tmp_path / "mlruns"))


def write(options: MlflowOptions, protocol: str | None, data: str | None, folder: Path) -> str:
    write_report(options, Only(protocol, data), ASKED, SOURCES, folder)
    return (folder / "report.md").read_text()


def child(store: Store, parent: Run, params: dict, train: float, val: float, status: str = "FINISHED") -> Run:
    run = store.start("child", {**TAGS, "mlflow.parentRunId": parent.id})
    run.params({**NETWORK, "seed": 0, "trainer.max_epochs": 10, **params})
    penalty = 0.01
    run.metrics({"train/loss": train, "val/loss": val}, 10)
    run.metrics({"train/bce": train - penalty, "val/bce": val - penalty}, 10)
    run.end(status)
    return run


def grid(store: Store, like: grids.Grid, name: str, skip: int = 0, shift: float = 0.0) -> Run:
    """The paper's own figures as a sweep of ours, but for the last `skip` grid points."""
    parent = store.start(name, {"sweep": name, "sweep.option": like.option})
    wanted = like.wanted()
    for row, l2 in wanted[: len(wanted) - skip]:
        train, val = like.paper[row][l2]
        child(store, parent, {like.row_param: row, "optim.l2": l2}, train + shift, val + shift)
    return parent


def test_nothing_there_gives_tables_of_holes_and_the_commands(
    options: MlflowOptions, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = write(options, None, None, tmp_path / "reports")
    assert "No run yet" in text and "12 of 12 grid points have no run yet" in text and "9 of 9 grid" in text
    assert "python src/train.py -m sweep=depth_l2" in text and "undecided" in text
    assert (tmp_path / "reports" / "report.html").read_text().startswith("<!doctype html>")
    assert text.count("not run yet") >= 2 * (12 + 9) + 6
    assert "Table 5" in capsys.readouterr().out


def test_ours_stand_beside_the_papers_cell_by_cell(options: MlflowOptions, tmp_path: Path) -> None:
    store = Store(options)
    grid(store, grids.TABLE_2, "depth_l2-quick-synthetic", skip=1, shift=0.25)
    grid(store, grids.TABLE_3, "kernel_l2-quick-synthetic")
    text = write(options, "quick", None, tmp_path / "reports")
    line = next(line for line in text.splitlines() if line.startswith("| 1      | 0.01 "))
    assert [part.strip() for part in line.split("|")[3:11]] == [
        *("2.21", "2.460", "+0.250", "2.450"),
        *("3.54", "3.790", "+0.250", "3.780"),
    ]
    assert (
        "1 of 12 grid points have no run yet; this command runs them: "
        "python src/train.py -m sweep=depth_l2 protocol=quick" in text
    )
    assert "Not the paper's protocol" in text
    for name in ("depth_l2.png", "kernel_l2.png"):
        assert (tmp_path / "reports" / name).read_bytes().startswith(b"\x89PNG")


def test_a_later_run_of_a_grid_point_counts_and_failed_or_pruned_ones_do_not(
    options: MlflowOptions, tmp_path: Path
) -> None:
    store = Store(options)
    parent = store.start("mine", {"sweep": "mine", "sweep.option": "depth_l2"})
    params = {"model.blocks": 1, "optim.l2": 1e-2}
    child(store, parent, params, 9.0, 9.0)
    time.sleep(0.01)
    child(store, parent, params, 3.0, 4.0)
    child(store, parent, params, 1.0, 1.0, "FAILED")
    child(store, parent, params, 1.0, 1.0).tags({"pruned": "at epoch 3"})
    text = write(options, None, None, tmp_path)
    assert "3.000" in text and "9.000" not in text and "1.000" not in text


def test_a_grid_that_was_run_in_parts_is_one_table(options: MlflowOptions, tmp_path: Path) -> None:
    store = Store(options)
    alike = {"optim.lr": 1e-5, "hydra.not": "there"}
    for name, l2, more, loss in (
        ("rest", 1e-3, {**alike, "trainer.patience": "None"}, 2.5),  # by a version that knows another option
        ("others", 1e-4, {**alike, "optim.lr": 1e-3}, 3.5),
        ("columns", 1e-2, alike, 4.5),
    ):
        parent = store.start(name, {"sweep": name, "sweep.option": "depth_l2"})
        child(store, parent, {"model.blocks": 1, "optim.l2": l2, **more}, loss, loss)
        time.sleep(0.01)
    text = write(options, None, None, tmp_path)
    assert "10 of 12 grid points" in text and "Study columns, rest, 10 epochs" in text
    assert "4.500" in text and "2.500" in text and "3.500" not in text


def test_runs_by_the_papers_steps_say_what_differs_and_how_they_go_on(
    options: MlflowOptions, tmp_path: Path
) -> None:
    store = Store(options)
    parent = store.start("batches", {"sweep": "batches", "sweep.option": "batch_size"})
    cell = {"model.blocks": 4, "optim.l2": 1e-2}
    tags = {"protocol": "paper_steps", "protocol.note": "not the paper's protocol: batches of 64"}
    for size, penalty in ((256, 5.5), (5, 6.25)):
        run = child(store, parent, {**cell, "optim.batch_size": size}, 6.5, 6.6)
        run.metrics({"train/l2_penalty": penalty}, 10)
        run.tags(tags)
    depth = store.start("depth", {"sweep": "depth", "sweep.option": "depth_l2"})
    run = child(store, depth, {**cell, "optim.batch_size": 64}, 6.2, 6.3)
    run.metrics({"train/l2_penalty": 5.9}, 10)
    run.tags(tags)
    text = write(options, "paper_steps", None, tmp_path)
    assert "as they stand. Runs: not the paper's protocol: batches of 64." in text
    assert "11 of 12 grid points have no run yet; this command runs them: python src/reproduce.py" in text
    rows = text.split("By the size of batches")[1].split("What the paper claims")[0].splitlines()
    found = [[cell.strip() for cell in row.split("|")[1:4]] for row in rows if row.startswith("|")][2:]
    assert found == [
        *(["5", "6.500", "6.250"], ["64", "6.200", "5.900"], ["256", "6.500", "5.500"]),
        ["500, the paper", "5.1", ""],
    ]


def test_only_what_a_sweep_was_made_by_makes_it_evidence(options: MlflowOptions, tmp_path: Path) -> None:
    store = Store(options)
    params = {"model.blocks": 1, "optim.l2": 1e-2}
    for name, tags, loss in (
        ("depth_l2-of-mine", {"sweep.option": "pipeline_tpe"}, 7.0),
        ("depth_l2-old", {"search space": "model.blocks=1,2 optim.l2=1e-2,1e-3 seed=1,2"}, 6.0),
    ):
        child(store, store.start(name, {"sweep": name, **tags}), params, loss, loss)
    assert "12 of 12 grid points" in write(options, None, None, tmp_path)

    old = {"sweep": "typed", "search space": "+model.blocks=1,2 optim.l2=choice(1e-2, 1e-3)"}
    parent = store.start("typed", old)
    child(store, parent, {**params, "model._target_": "mine.Net"}, 5.0, 5.0)
    child(store, parent, {**params, "model.kernel_size": 4}, 5.0, 5.0)
    assert "12 of 12 grid points" in write(options, None, None, tmp_path)
    child(store, parent, params, 4.0, 4.5)
    text = write(options, None, None, tmp_path)
    assert "11 of 12 grid points" in text and "4.500" in text and "5.000" not in text


def test_table_4_holds_a_run_only_where_every_param_is_there_and_the_protocols(
    options: MlflowOptions, tmp_path: Path
) -> None:
    store = Store(options)
    whole = {**NETWORK, "model.blocks": 4, "optim.l2": 1e-6, **ASKED["quick"]}
    results = {f"{part}/{name}": 0.4321 for part in ("train", "val", "test") for name in ("loss", "accuracy")}

    def single(params: dict) -> str:
        run = store.start("single", TAGS)
        run.params(params)
        run.metrics(results, 1)
        run.end("FINISHED")
        return write(options, None, None, tmp_path)

    for name in whole:
        assert "0.4321" not in single({key: value for key, value in whole.items() if key != name}), name
    for name, value in (("model._target_", "mine.Net"), ("skeleton.height", 48), ("trainer.max_epochs", 1)):
        assert "0.4321" not in single({**whole, name: value}), name
    assert "0.4321" in single(whole)


def test_table_5_counts_what_the_run_said_of_val(options: MlflowOptions, tmp_path: Path) -> None:
    store = Store(options)
    found = []
    for rows in (
        None,
        ("val,a,v,,1,0.9", "val,b,v,,1,0.2", "val,c,v,,0,0.1", "test,d,v,,0,0.9"),
        ("val,a,v",),
    ):
        run = store.start("final", TAGS)
        if rows is not None:
            path = tmp_path / PREDICTIONS
            path.write_text("\n".join(["part,squat,video,subject,label,p_good", *rows]))
            run.artifact(path)
        found.append(runs.Trained(run.id, "FINISHED", 0, {}, {}, TAGS))
    none, some, damaged = found
    assert runs.predictions(store, none) == {}
    val = runs.predictions(store, some)["val"]
    assert confusion(val.label, val.p_good).tolist() == [[1, 1], [0, 1]]
    with pytest.raises(UserError, match="damaged"):
        runs.predictions(store, damaged)


def test_only_repetitions_of_a_grid_points_run_count_for_the_kernel(
    options: MlflowOptions, tmp_path: Path
) -> None:
    store = Store(options)
    parent = store.start("kernels", {"sweep": "kernels", "sweep.option": "kernel_l2"})
    random = np.random.default_rng(0)
    for row, l2 in grids.TABLE_3.wanted():
        loss = 5.0 * row + random.normal(0, 0.01)
        child(store, parent, {"model.kernel_size": row, "optim.l2": l2}, loss, loss)

    def seeds(name: str, numbers: range, params: dict) -> str:
        parent = store.start(name, {"sweep": name, "sweep.option": "seeds"})
        for seed in numbers:
            child(store, parent, {"optim.l2": 1e-5, **params, "seed": seed}, 15.0, random.normal(15, 0.01))
        return write(options, None, None, tmp_path)

    assert "no spread over seeds" in seeds("other network", range(5), {"model.blocks": 4})
    assert "no spread over seeds" in seeds("other steps", range(5), {"optim.lr": 1})
    assert "no spread over seeds" in seeds("too few", range(3), {})  # 0 is the grid point's own run
    text = seeds("repetitions", range(5), {"paths.data": "elsewhere"})
    assert "F test beside 4 other seeds" in text and "| does not hold" in text


def test_a_name_that_nothing_has_is_refused_with_those_that_there_are(
    options: MlflowOptions, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=r"runs\.protocol=nonsense: .* there are paper, quick"):
        write(options, "nonsense", None, tmp_path)
    with pytest.raises(UserError, match=r"runs\.data=tapes: .* there are synthetic, ui_prmd, videos"):
        write(options, None, "tapes", tmp_path)
    store = Store(options)
    store.start("mine", {**TAGS, "protocol": "mine"}).end("FINISHED")
    assert "sweep=depth_l2 protocol=mine" in write(options, "mine", None, tmp_path)


def test_a_page_escapes_what_it_is_given() -> None:
    pieces = [
        Heading("<b>", 1),
        Text("a & b", warning=True),
        Table([["x", "y"], ["<1>", "2"]]),
        Picture("a.png", '"quoted"'),
    ]
    html = page("<t>", pieces)
    assert "<b>" not in html and "&lt;1&gt;" in html and "a &amp; b" in html and "&quot;quoted&quot;" in html
    assert "| <1> | 2   |" in markdown(pieces)


def test_the_report_command_prints_and_writes(command, home: Path) -> None:
    done = command("src/report.py", "runs.protocol=paper", "runs.data=videos", f"folder={home}/reports")
    assert done.returncode == 0, done.stderr
    assert "sweep=depth_l2 protocol=paper data=videos" in done.stdout
    assert "Table 2" in done.stdout and (home / "reports" / "report.html").is_file()
    assert MlflowClient(f"sqlite:///{home}/mlflow.db").search_experiments()
