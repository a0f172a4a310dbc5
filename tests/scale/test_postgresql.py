"""Workers that share a study in PostgreSQL, killed, and its server restarted in the middle."""

import signal
import subprocess
import sys
import time
from collections import Counter

import pytest

from scale.conftest import PostgreSQL, free_port
from toy import GRID, POINTS, Toy


def _each_point_once(toy: Toy, address: str, points: int) -> None:
    trials = toy.trials(storage=address)
    done = Counter(t.user_attrs["point"] for t in trials if t.state.name == "COMPLETE")
    assert done == dict.fromkeys(range(points), 1)
    assert not [t for t in trials if t.state.name in ("RUNNING", "WAITING")]
    assert {t.user_attrs.get("ended") for t in trials if t.state.name == "FAIL"} <= {"lost", "withdrawn"}


def test_two_workers_run_no_point_twice_though_the_server_restarts(toy: Toy, postgresql: PostgreSQL) -> None:
    address = postgresql.address("two")
    line = (*GRID, f"hydra.sweeper.storage={address}", "sleep=0.1", "steps=5")
    workers = [toy.start(*line) for _ in range(2)]
    toy.wait_for("ran.txt")
    postgresql.stop()
    time.sleep(1)
    postgresql.start()
    said = [worker.communicate(timeout=120)[0] for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0], said
    assert sum(text.count("does not answer; tried again") for text in said) >= 1
    assert sorted(toy.points()) == POINTS
    _each_point_once(toy, address, 12)


@pytest.mark.slow
def test_eight_workers_outlive_kills_and_restarts(toy: Toy, postgresql: PostgreSQL) -> None:
    address = postgresql.address("eight")
    line = ("x=range(1,13)", "y=1,2,3,4,5,6", f"hydra.sweeper.storage={address}", "sleep=0.2", "steps=5")
    workers = [toy.start(*line) for _ in range(8)]
    toy.wait_for("ran.txt")
    for worker in workers[:2]:
        time.sleep(5)
        worker.send_signal(signal.SIGKILL)
    for _ in range(3):
        time.sleep(3)
        postgresql.stop()
        time.sleep(1)
        postgresql.start()
    said = [worker.communicate(timeout=300)[0] for worker in workers]
    assert [worker.returncode for worker in workers] == [-9, -9, *[0] * 6], "\n".join(said)
    _each_point_once(toy, address, 72)


@pytest.mark.slow
def test_workers_behind_a_proxy_outlive_its_restart(toy: Toy, postgresql: PostgreSQL) -> None:
    pytest.importorskip("grpc", reason="Optuna's proxy: grpcio is not installed")
    database, port = postgresql.address("behind"), free_port()
    code = (
        "from optuna.storages import get_storage, run_grpc_proxy_server as run;"
        f"run(get_storage({database!r}), host='127.0.0.1', port={port})"
    )

    def proxy() -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL)

    server = proxy()
    try:
        address = f"grpc://127.0.0.1:{port}"
        line = (*GRID, f"hydra.sweeper.storage={address}", "sleep=0.1", "steps=5")
        workers = [toy.start(*line) for _ in range(2)]
        toy.wait_for("ran.txt")
        server.kill()
        server.wait()
        server = proxy()
        said = [worker.communicate(timeout=120)[0] for worker in workers]
        assert [worker.returncode for worker in workers] == [0, 0], "\n".join(said)
    finally:
        server.kill()
        server.wait()
    assert sorted(toy.points()) == POINTS
    _each_point_once(toy, database, 12)
