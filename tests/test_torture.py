"""The script that kills the program: what it counts as lost and doubled, and a few kills of its own."""

import json
import signal
import subprocess
import sys
from collections import Counter
from itertools import islice
from pathlib import Path

import pytest

from faults import found, state
from program import ROOT
from scenarios import HANDS, KINDS, Kind, Scenario, deal

TRAIN = Kind("train", store="offline")


def _run(
    home: Path, name: str = "a", status: str = "FINISHED", epochs: tuple[float, ...] = (0.9, 0.7)
) -> Path:
    """A run of two epochs as it is kept offline, with one file."""
    folder = home / "multirun" / "offline" / name
    (folder / "artifacts").mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps({"id": name * 32, "status": status, "tags": {}}))
    lines = [{"time": 0, "step": step, "values": {"val/loss": v}} for step, v in enumerate(epochs, 1)]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (folder / "artifacts" / "predictions.csv").write_text("part,p_good\nval,0.5\n")
    return folder


def _faults(home: Path, unkilled: Path, number: signal.Signals = signal.SIGKILL) -> list[str]:
    scenario = Scenario(0, TRAIN, "group", number, (0.5,))
    return [fault for fault, _ in found(scenario, home, state(TRAIN, unkilled))[0]]


@pytest.fixture
def unkilled(tmp_path: Path) -> Path:
    _run(tmp_path / "unkilled")
    return tmp_path / "unkilled"


def test_a_training_without_a_fault_has_none(unkilled: Path, tmp_path: Path) -> None:
    _run(tmp_path)
    _run(tmp_path, "b", "KILLED", (0.9,))
    assert _faults(tmp_path, unkilled) == []


def test_what_is_lost_and_doubled_is_seen(unkilled: Path, tmp_path: Path) -> None:
    assert _faults(tmp_path, unkilled) == ["lost"]

    _run(tmp_path / "epoch", epochs=(0.9,))
    assert _faults(tmp_path / "epoch", unkilled) == ["lost"]

    _run(tmp_path / "other", epochs=(0.9, 0.8))
    assert _faults(tmp_path / "other", unkilled) == ["doubled"]

    with (_run(tmp_path / "twice") / "metrics.jsonl").open("a") as file:
        file.write('{"time": 1, "step": 2, "values": {"val/loss": 0.71}}\n')
    assert _faults(tmp_path / "twice", unkilled) == ["doubled"]

    (_run(tmp_path / "file") / "artifacts" / "predictions.csv").write_text("part,p_good\nval,0.6\n")
    assert _faults(tmp_path / "file", unkilled) == ["doubled"]

    _run(tmp_path / "runs")
    _run(tmp_path / "runs", "b")
    assert _faults(tmp_path / "runs", unkilled) == ["doubled"]


def test_a_run_left_running_is_a_fault_unless_nobody_could_have_ended_it(
    unkilled: Path, tmp_path: Path
) -> None:
    _run(tmp_path)
    _run(tmp_path, "b", "RUNNING", ())
    assert _faults(tmp_path, unkilled, signal.SIGTERM) == ["doubled"]
    assert _faults(tmp_path, unkilled, signal.SIGKILL) == []


def test_every_kind_comes_as_often_and_the_seed_decides_the_order() -> None:
    dealt = list(islice(deal(3), 60))
    hands = Counter((one.kind, one.whom, one.signal) for one in dealt)
    assert len(hands) == len(KINDS) * len(HANDS) == 60
    assert {one.kind for one in dealt[:10]} == set(KINDS)
    assert dealt == list(islice(deal(3), 60)) != list(islice(deal(4), 60))


@pytest.mark.slow
@pytest.mark.timeout(1600)
def test_a_few_kills_end_with_nothing_lost(tmp_path: Path, bundle_folder: Path) -> None:
    arguments = ("--only", "1", "2", "--seed", "1", "--jobs", "2", "--reports", str(tmp_path))
    done = subprocess.run(
        [sys.executable, "tests/torture", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=1500
    )
    assert done.returncode == 0, done.stdout + done.stderr
    kills = json.loads((tmp_path / "seed-1.json").read_text())["kills"]
    assert {kill["kind"] for kill in kills} == {"sweep basic mlflow", "sweep joblib offline"}
    assert f"| **all** | {len(kills)} | 0 | 0 | 0 | 0 |" in done.stdout
