"""Outages of MLflow as a user meets them: whole commands, another program's lock, a server that is killed."""

import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from program import ROOT, Command, environment

Training = Callable[..., list[str]]


def started(arguments: list[str], home: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment(home),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run_of(process: subprocess.Popen[str]) -> tuple[str, Path]:
    """The id and the folder, as soon as they are said."""
    assert process.stdout is not None
    line = next(line for line in process.stdout if line.startswith("Run "))
    return line.split()[1].rstrip(","), Path(line.strip().split(", in ")[1])


def check_whole(client: MlflowClient, run: str, epochs: int) -> None:
    found = client.get_run(run)
    assert found.info.status == "FINISHED" and found.data.params["seed"] == "0"
    assert "test/loss" in found.data.metrics and found.inputs.dataset_inputs
    steps = [point.step for point in client.get_metric_history(run, "train/loss")]
    assert steps == list(range(1, epochs + 1))
    names = {item.path for item in client.list_artifacts(run)}
    assert names >= {"config.yaml", "predictions.csv", "confusion.png", "curves.png", "checkpoints"}


def test_a_training_ends_well_though_another_program_locks_the_store_for_ever(
    training: Training, command: Command, home: Path
) -> None:
    process = started(training("trainer.max_epochs=3", offline=False), home)
    run, folder = run_of(process)
    with closing(sqlite3.connect(home / "mlflow.db", isolation_level=None, timeout=60)) as other:
        other.execute("BEGIN EXCLUSIVE")
        said, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    assert "Traceback" not in errors and "the run goes on" in errors
    assert said.splitlines()[-1].endswith(f"python src/sync.py {folder / 'unwritten' / run}")
    synced = command("src/sync.py", str(folder))
    assert synced.returncode == 0 and "1 brought up to date" in synced.stdout, synced.stderr
    check_whole(MlflowClient(f"sqlite:///{home}/mlflow.db"), run, 3)


def test_ctrl_c_ends_the_wait_for_a_server_that_never_answers(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        uri = f"tracking.uri=http://127.0.0.1:{server.getsockname()[1]}"
        process = started(["src/train.py", "resume=" + "0" * 32, uri], home)
        assert process.stderr is not None
        assert process.stderr.readline().startswith(f"waiting for {uri}: it does not answer")
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 130 and errors == "Interrupted.\n"


@pytest.mark.slow
def test_a_server_that_is_not_there_costs_a_minute(command: Command, home: Path) -> None:
    uri = "tracking.uri=http://127.0.0.1:1"
    nothing = command("src/sync.py", "conf", uri)
    assert "there is no run in it" in nothing.stderr  # said before any waiting
    process = started(["src/train.py", "resume=" + "0" * 32, uri], home)
    assert process.stderr is not None
    assert process.stderr.readline().startswith(f"waiting for {uri}")
    start = time.monotonic()
    _, errors = process.communicate(timeout=200)
    assert process.returncode == 2 and 45 < time.monotonic() - start < 90
    (line,) = errors.splitlines()
    assert line.startswith(f"error: {uri}: ") and "tracking=offline" in line


def served(folder: Path, port: int) -> subprocess.Popen[bytes]:
    """A server, once it answers."""
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"),
            *("--backend-store-uri", f"sqlite:///{folder}/served.db", "--artifacts-destination", str(folder)),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 200
    while True:
        try:
            MlflowClient(f"http://127.0.0.1:{port}").search_experiments()
            return process
        except Exception:
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.5)


@pytest.mark.slow
def test_a_training_ends_well_though_its_server_is_killed_and_sync_writes_it_into_the_next(
    training: Training, command: Command, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os

    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    uri = f"tracking.uri=http://127.0.0.1:{port}"
    server = served(tmp_path, port)
    try:
        process = started(training("trainer.max_epochs=40", uri, offline=False), home)
        run, folder = run_of(process)
        while not (folder / "last.ckpt").exists():
            time.sleep(0.01)
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()
    said, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    assert "Traceback" not in errors and "python src/sync.py" in said.splitlines()[-1]
    server = served(tmp_path, port)
    try:
        synced = command("src/sync.py", str(folder), uri)
        assert synced.returncode == 0 and "1 brought up to date" in synced.stdout, synced.stderr
        check_whole(MlflowClient(f"http://127.0.0.1:{port}"), run, 40)
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()
