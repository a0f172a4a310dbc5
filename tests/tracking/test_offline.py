"""Runs as plain files: what they hold, what they outlive, and the program on a machine without MLflow."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from deepsquat.errors import UserError
from deepsquat.study.running import Pruned
from deepsquat.tracking import run_folder
from deepsquat.tracking.offline import Store
from program import ROOT, Command, environment

Training = Callable[..., list[str]]


def test_a_run_is_a_folder_of_plain_files(offline: Store, tmp_path: Path) -> None:
    run = offline.start("a run", {"protocol": "quick"})
    run.params({"model.blocks": 4, "resume": None})
    run.dataset("synthetic", "abc", "drawn", "{}")
    run.metrics({"train/loss": 0.5, "val/loss": float("nan")}, 1)
    made = tmp_path / "made"
    (made / "below").mkdir(parents=True)
    (made / "curves.png").write_bytes(b"png")
    (made / "below" / "more.txt").write_text("more")
    run.artifact(made)
    run.artifact(made / "curves.png", "checkpoints")
    run.end("FINISHED")

    folder = offline.folder / run.id
    record = json.loads((folder / "run.json").read_text())
    assert len(record.pop("sha256")) == 64
    assert record.pop("end_time") >= record.pop("start_time") > 1.7e12
    assert record == {
        "id": run.id,
        "name": "a run",
        "experiment": "deepsquat",
        "status": "FINISHED",
        "tags": {"protocol": "quick"},
        "dataset": {"name": "synthetic", "digest": "abc", "source": "drawn", "profile": "{}"},
    }
    params = json.loads((folder / "params.json").read_text())
    assert len(params.pop("sha256")) == 64 and params == {"model.blocks": "4", "resume": "None"}
    (line,) = (folder / "metrics.jsonl").read_text().splitlines()
    logged = json.loads(line)
    assert logged["step"] == 1 and str(logged["values"]) == "{'train/loss': 0.5, 'val/loss': nan}"
    artifacts = folder / "artifacts"
    names = {str(path.relative_to(artifacts)) for path in artifacts.rglob("*") if path.is_file()}
    assert names == {"curves.png", "below/more.txt", "checkpoints/curves.png"}


def test_a_torn_last_line_counts_for_nothing_and_is_cut_off(offline: Store) -> None:
    run = offline.start("a run", {})
    run.metrics({"loss": 1.0}, 1)
    metrics = offline.folder / run.id / "metrics.jsonl"
    whole = metrics.read_bytes()
    metrics.write_bytes(whole + whole[: len(whole) // 2])
    assert run.latest_metrics() == {"loss": 1.0}
    run.metrics({"loss": 0.5}, 2)
    lines = metrics.read_bytes().splitlines()
    assert len(lines) == 2 and lines[0] + b"\n" == whole
    assert run.latest_metrics() == {"loss": 0.5}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_the_users_line_and_not_the_runs_end(offline: Store) -> None:
    run = offline.start("a run", {})
    (offline.folder / run.id / "metrics.jsonl").symlink_to("/dev/full")
    with pytest.raises(UserError, match="the disk is full"), run.ending(Pruned):
        run.metrics({"loss": 1.0}, 1)
    assert offline.find(run.id).tag("error").startswith("UserError: ")


@pytest.mark.parametrize("content", ["", "{", "[]", '{"id": 3}', "[" * 100_000])
def test_a_damaged_run_is_named_and_stops_no_other(
    content: str, offline: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    run, other = (offline.start(name, {"sweep": "x"}) for name in ("a run", "another"))
    (offline.folder / run.id / "run.json").write_text(content)
    with pytest.raises(UserError, match=rf"{run.id}/run.json is damaged"):
        offline.find(run.id)
    for _ in range(2):
        assert [found.id for found in offline.tagged({"sweep": "x"})] == [other.id]
    said = capsys.readouterr().out
    assert said.startswith(f"Note: {offline.folder / run.id}/run.json is damaged") and said.count("\n") == 1


def test_processes_lose_nothing_of_each_other(offline: Store) -> None:
    started = offline.start("depth", {"sweep": "depth"}).id

    def join(number: int) -> None:
        run = offline.find(started)
        for step in range(20):
            run.metrics({f"best {number}": step}, step)
            run.tags({f"{number} at {step}": "here"})

    with ThreadPoolExecutor(8) as pool:  # each opens the locks anew, as processes do
        list(pool.map(join, range(8)))
    run = offline.find(started)
    assert run.latest_metrics() == {f"best {number}": 19 for number in range(8)}
    assert all(run.tag(f"{number} at {step}") for number in range(8) for step in range(20))


def test_trains_and_goes_on_where_little_is_installed(
    trained: tuple[Path, subprocess.CompletedProcess[str]], bare: list[str], command: Command, home: Path
) -> None:
    folder, done = trained
    assert "no pictures of this run, since matplotlib is not installed" in done.stdout
    assert done.stdout.rstrip().splitlines()[-1].startswith(f"Run {folder.name} (not the paper's protocol).")
    assert f"python src/sync.py '{folder.parent}'" in done.stdout
    record = json.loads((folder / "run.json").read_text())
    assert record["status"] == "FINISHED" and record["tags"]["version.mlflow"] == "not installed"
    names = {path.name for path in (folder / "artifacts").rglob("*") if path.is_file()}
    assert names >= {"config.yaml", "split.json", "predictions.csv", "best.ckpt", "last.ckpt"}
    assert not [name for name in names if name.endswith(".png")]

    # As a kill between the last epoch and the end of the run leaves it.
    killed = home / "killed" / folder.name
    shutil.copytree(folder, killed)
    shutil.copy(folder / "artifacts" / "checkpoints" / "last.ckpt", record["tags"]["folder"])
    running = replace(run_folder.read_record(killed), status="RUNNING", end_time=None)
    run_folder.write_record(killed, running)
    where = ("tracking=offline", f"tracking.folder={killed.parent}")
    resumed = command(*bare, "src/train.py", f"resume={folder.name}", *where)
    assert resumed.returncode == 0, resumed.stderr
    assert json.loads((killed / "run.json").read_text())["status"] == "FINISHED"
    table = [line for line in done.stdout.splitlines() if line.startswith(("train ", "val ", "test "))]
    assert len(table) == 3 and set(table) <= set(resumed.stdout.splitlines())


RESUME = ["src/train.py", "resume=" + "0" * 32]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (RESUME, "MLflow is not installed here; pip install mlflow, or keep the runs"),
        ([*RESUME, "tracking=offline"], "there is no run 000"),
        ([*RESUME, "tracking=offline", "tracking.folder=/dev/null/x"], "/dev/null/x: cannot be written"),
        (["src/report.py", "tracking=offline"], "bring the runs there with python src/sync.py"),
        (["src/sync.py", "tracking=offline"], "src/sync.py writes into MLflow"),
    ],
)
def test_a_mistake_is_one_line(arguments: list[str], message: str, bare: list[str], command: Command) -> None:
    done = command(*bare, *arguments)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ") and message in line


@pytest.mark.slow
def test_a_sweep_where_little_is_installed_is_taken_up_after_a_kill_by_two_at_once(
    bare: list[str], training: Training, home: Path
) -> None:
    folder = "tracking.folder=${root:}/swept"
    script, *words = training("seed=0,1", "trainer.max_epochs=8", "hydra.sweeper.study=bare", folder)

    def start() -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, *bare, script, "-m", *words],
            cwd=ROOT,
            env=environment(home),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def runs() -> list[dict]:
        found = [json.loads(path.read_text()) for path in (home / "swept").glob("*/run.json")]
        return sorted(found, key=lambda record: record["start_time"])

    killed = start()
    deadline = time.monotonic() + 120
    while not (home / "multirun" / "bare" / "0" / "last.ckpt").exists():
        assert time.monotonic() < deadline and killed.poll() is None
        time.sleep(0.02)
    killed.kill()
    killed.communicate(timeout=60)
    assert [record["status"] for record in runs()] == ["RUNNING", "RUNNING"]

    for process in [start(), start()]:
        said, _ = process.communicate(timeout=120)
        assert process.returncode == 0, said
        assert "2 of 2 done" in said and "no pictures of the study" in said
    parent, *children = runs()
    assert parent["name"] == parent["tags"]["sweep"] == "bare"
    assert [child["tags"]["mlflow.parentRunId"] for child in children] == [parent["id"]] * 2
    assert [record["status"] for record in (parent, *children)] == ["FINISHED"] * 3
    assert children[0]["tags"]["resumed"] == "after trial 0"
    for child in children:
        metrics = (home / "swept" / child["id"] / "metrics.jsonl").read_text().splitlines()
        steps = {line["step"] for line in map(json.loads, metrics) if "train/loss" in line["values"]}
        assert steps == set(range(1, 9))
    assert (home / "swept" / parent["id"] / "artifacts" / "table.csv").is_file()
