"""The report over runs in a real MLflow store: whole, with holes, and with nothing there."""

import time
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from deepsquat.paper import grids, tables
from deepsquat.paper.page import Heading, Picture, Table, Text, markdown, page
from deepsquat.paper.report import write
from deepsquat.tracking.mlflow import MlflowOptions, Run, Store

TAGS = {"protocol": "quick", "data.source": "synthetic", "split": "by_video", "hardware.cpu": "two cores"}


@pytest.fixture
def options(tmp_path: Path) -> MlflowOptions:
    return MlflowOptions(f"sqlite:///{tmp_path}/mlflow.db", str(tmp_path / "mlruns"))


def cell(store: Store, parent: Run, params: dict, train: float, val: float, status: str = "FINISHED") -> Run:
    run = store.start("cell", {**TAGS, "mlflow.parentRunId": parent.id})
    run.params({"seed": 0, "trainer.max_epochs": 10, **params})
    penalty = 0.01
    run.metrics({"train/loss": train, "val/loss": val}, 10)
    run.metrics({"train/bce": train - penalty, "val/bce": val - penalty}, 10)
    run.end(status)
    return run


def grid(store: Store, like: grids.Grid, name: str, skip: int = 0, shift: float = 0.0) -> Run:
    """The paper's own figures as a sweep of ours, but for the last `skip` cells."""
    parent = store.start(name, {"sweep": name})
    wanted = like.wanted()
    for row, l2 in wanted[: len(wanted) - skip]:
        train, val = like.paper[row][l2]
        cell(store, parent, {like.row_param: row, "optim.l2": l2}, train + shift, val + shift)
    return parent


def test_nothing_there_gives_tables_of_holes_and_the_commands(
    options: MlflowOptions, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(options, None, None, tmp_path / "reports")
    text = (tmp_path / "reports" / "report.md").read_text()
    assert "No run yet" in text and "12 of 12 cells are missing" in text and "9 of 9 cells" in text
    assert "python src/train.py -m sweep=depth_l2" in text and "cannot be said" in text
    assert (tmp_path / "reports" / "report.html").read_text().startswith("<!doctype html>")
    assert "Table 5" in capsys.readouterr().out


def test_ours_stand_beside_the_papers_cell_by_cell(options: MlflowOptions, tmp_path: Path) -> None:
    store = Store(options)
    grid(store, grids.TABLE_2, "depth_l2-quick-synthetic", skip=1, shift=0.25)
    grid(store, grids.TABLE_3, "kernel_l2-quick-synthetic")
    write(options, "quick", None, tmp_path / "reports")
    text = (tmp_path / "reports" / "report.md").read_text()
    line = next(line for line in text.splitlines() if line.startswith("| 1      | 0.01 "))
    assert [part.strip() for part in line.split("|")[3:11]] == [
        *("2.21", "2.460", "+0.250", "2.450"),
        *("3.54", "3.790", "+0.250", "3.780"),
    ]
    assert (
        "1 of 12 cells are missing; this fills them: python src/train.py -m sweep=depth_l2 protocol=quick"
        in text
    )
    assert "Not the paper's protocol" in text
    for name in ("depth_l2.png", "kernel_l2.png"):
        assert (tmp_path / "reports" / name).read_bytes().startswith(b"\x89PNG")


def test_a_later_training_of_a_cell_counts_and_failed_or_pruned_ones_do_not(
    options: MlflowOptions, tmp_path: Path
) -> None:
    store = Store(options)
    parent = store.start("depth_l2-x", {"sweep": "depth_l2-x"})
    params = {"model.blocks": 1, "optim.l2": 1e-2}
    cell(store, parent, params, 9.0, 9.0)
    time.sleep(0.01)
    cell(store, parent, params, 3.0, 4.0)
    cell(store, parent, params, 1.0, 1.0, "FAILED")
    cell(store, parent, params, 1.0, 1.0).tags({"pruned": "at epoch 3"})
    write(options, None, None, tmp_path)
    text = (tmp_path / "report.md").read_text()
    assert "3.000" in text and "9.000" not in text and "1.000" not in text


def test_the_papers_own_tables_bear_out_what_they_bear_out() -> None:
    depth = {
        (row, l2): {"train/loss": t, "val/loss": e}
        for row, columns in tables.TABLE_2.items()
        for l2, (t, e) in columns.items()
    }
    kernel = {
        (row, l2): {"train/loss": t, "val/loss": e}
        for row, columns in tables.TABLE_3.items()
        for l2, (t, e) in columns.items()
    }
    best_l2, gap, kernels, deepest = grids.claims(depth, kernel, seed_spread=0.05)
    assert best_l2.holds is True
    assert gap.holds is True and "1 blocks: 1.320" in gap.numbers
    assert kernels.holds is False and "0.170 at L2 0.0001" in kernels.numbers
    assert deepest.holds is False and "3 blocks: 0.400" in deepest.numbers  # 0.40 beats 0.49
    assert grids.claims(depth, kernel, seed_spread=0.06)[2].holds is True
    assert grids.claims(depth, {}, None)[2].holds is None


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
