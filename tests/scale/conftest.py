"""Servers that a test starts for itself, on loopback and in folders of their own."""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from program import ROOT
from toy import Toy

SOURCE = ROOT / "src"


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    return Toy(tmp_path)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


class PostgreSQL:
    """A server with one user, postgres, and no passwords."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self.programs, self.folder, self.port = programs, folder, free_port()
        self.user = None
        if os.geteuid() == 0:  # which is refused; Debian's package makes a user of this name
            self.user = "postgres"
            shutil.chown(folder, self.user)
        self._run("initdb", "-D", str(folder / "data"), "-U", "postgres", "--auth=trust", "--no-sync")
        self.start()

    def address(self, database: str) -> str:
        """Of a database, made where it is not there."""
        self._run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", database)
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        options = f"-k {self.folder} -h 127.0.0.1 -p {self.port}"
        self._control("start", "-l", str(self.folder / "log"), "-o", options)

    def stop(self) -> None:
        self._control("stop", "-m", "fast")

    def _control(self, *arguments: str) -> None:
        self._run("pg_ctl", "-w", "-D", str(self.folder / "data"), *arguments)

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self.programs / program), *arguments]
        # Its children keep what it is given, so no pipe.
        done = subprocess.run(
            command, cwd=self.folder, user=self.user, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        assert done.returncode == 0, command


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    pytest.importorskip("psycopg", reason="PostgreSQL: psycopg is not installed")
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    on_path = shutil.which("pg_ctl")
    if not found and on_path is None:
        pytest.skip("PostgreSQL: pg_ctl is not installed (Debian: postgresql)")
    programs = (found[-1] if found else Path(str(on_path))).parent
    # Not in pytest's folder, which no other user may enter.
    with tempfile.TemporaryDirectory(prefix="deepsquat-postgresql-") as folder:
        server = PostgreSQL(programs, Path(folder))
        yield server
        server.stop()


_SLURM = """
ClusterName=one
SlurmctldHost=localhost
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/socket,cred_expire=5
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=bf_interval=5
ReturnToService=2
KillWait=5
JobRequeue=1
MailProg=/bin/true
NodeName=localhost CPUs=2 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


class Slurm:
    """A cluster of one node, this one. Its programs find it by SLURM_CONF."""

    def __init__(self, folder: Path) -> None:
        keys = folder / "keys"  # apart from the socket, which others must reach
        keys.mkdir(mode=0o700)
        folder.chmod(0o755)
        for name in ("state", "spool"):
            (folder / name).mkdir()
        (keys / "key").write_bytes(secrets.token_bytes(1024))
        (keys / "key").chmod(0o400)
        self.conf = folder / "slurm.conf"
        self.conf.write_text(_SLURM.format(folder=folder, ports=[free_port(), free_port()]))
        paths = {"key-file": "keys/key", "log-file": "keys/log", "seed-file": "keys/seed"}
        paths |= {"socket": "socket", "pid-file": "munged.pid"}
        munged = ["munged", "--foreground", *(f"--{key}={folder / path}" for key, path in paths.items())]
        self.services = [self._start(munged)]
        time.sleep(1)
        self.services += [self._start(["slurmctld", "-D"]), self._start(["slurmd", "-D"])]
        deadline = time.monotonic() + 60
        while "idle" not in self.said("sinfo", "--noheader"):
            assert time.monotonic() < deadline, "the node does not become idle"
            time.sleep(0.5)

    def _start(self, command: list[str]) -> subprocess.Popen[bytes]:
        nowhere = subprocess.DEVNULL
        return subprocess.Popen(command, env=self.environment, stdout=nowhere, stderr=nowhere)

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {"SLURM_CONF": str(self.conf)}

    def said(self, *command: str) -> str:
        return subprocess.run(command, env=self.environment, capture_output=True, text=True).stdout

    def jobs(self) -> list[str]:
        """The ids of those that wait or run."""
        return self.said("squeue", "--noheader", "--format=%A").split()

    def stop(self) -> None:
        self.said("scancel", "--me")
        for service in reversed(self.services):
            service.terminate()
            service.wait(30)


@pytest.fixture(scope="session")
def slurm() -> Iterator[Slurm]:
    pytest.importorskip("submitit", reason="Slurm: hydra-submitit-launcher is not installed")
    if os.geteuid() != 0:
        pytest.skip("Slurm: only root can start a node")
    missing = [name for name in ("munged", "slurmctld", "slurmd", "sbatch") if shutil.which(name) is None]
    if missing:
        pytest.skip(f"Slurm: {missing[0]} is not installed (Debian: slurmctld slurmd slurm-client munge)")
    with tempfile.TemporaryDirectory(prefix="deepsquat-slurm-") as folder:
        cluster = Slurm(Path(folder))
        yield cluster
        cluster.stop()


_RAY = """
import sys
from ray.cluster_utils import Cluster

cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
for _ in range(2):
    cluster.add_node(num_cpus=1)
print("address", cluster.address, flush=True)
for _ in sys.stdin:  # a line: one more node
    cluster.add_node(num_cpus=1)
    print("added", flush=True)
cluster.shutdown()
"""


class Ray:
    """A head that runs nothing, and two nodes of one core."""

    def __init__(self) -> None:
        path = os.pathsep.join([str(SOURCE), *filter(None, [os.environ.get("PYTHONPATH")])])
        self.process = subprocess.Popen(
            [sys.executable, "-c", _RAY],
            env=os.environ | {"RAY_USAGE_STATS_ENABLED": "0", "PYTHONPATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.address = self._answer().split()[1]

    def _answer(self) -> str:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith(("address", "added")):
                return line
        raise AssertionError("Ray's cluster did not start")

    def add_node(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        self._answer()

    def stop(self) -> None:
        self.process.communicate(timeout=60)


@pytest.fixture
def ray_cluster() -> Iterator[Ray]:
    pytest.importorskip("ray", reason="Ray: ray is not installed")
    pytest.importorskip("hydra_plugins.hydra_ray_launcher", reason="Ray: hydra-ray-launcher is not installed")
    cluster = Ray()
    yield cluster
    cluster.stop()


class Dask:
    """A scheduler and two workers of one thread, which find the code in `source`."""

    def __init__(
        self, folder: Path, source: Path = SOURCE, more: tuple[str, ...] = (), workers: int = 2
    ) -> None:
        self.environment = os.environ | {"PYTHONPATH": str(source)}
        self.log = (folder / "dask.log").open("w")
        self.address = f"tcp://127.0.0.1:{free_port()}"
        here = ("--host", "127.0.0.1", "--dashboard-address", "127.0.0.1:0")
        port = self.address.rpartition(":")[2]
        self.scheduler = self._start("scheduler", *here, "--port", port)
        self.processes = [self.scheduler]
        if workers:
            line = (
                self.address,
                *here,
                "--nworkers",
                str(workers),
                "--nthreads",
                "1",
                "--local-directory",
                str(folder),
            )
            self.processes.append(self._start("worker", *line, *more))
        from distributed import Client

        self.client = Client(self.address, timeout=60, set_as_default=False)
        if workers:
            self.client.wait_for_workers(workers, timeout=60)

    def _start(self, *line: str) -> subprocess.Popen[bytes]:
        # In a folder that is not this one: what a worker finds there it would import.
        return subprocess.Popen(
            [sys.executable, "-m", "dask", *line],
            cwd=tempfile.gettempdir(),
            env=self.environment,
            stdout=self.log,
            stderr=self.log,
        )

    def busy(self) -> dict[str, str]:
        """The task of each worker that has one, by its address."""
        return {address: keys[0] for address, keys in self.client.processing().items() if keys}

    def threads(self) -> int:
        """How many are in a task now, whether somebody waits for it or not."""

        def active(dask_worker: Any) -> int:
            return len(dask_worker.active_threads)

        return sum(self.client.run(active).values())

    def kill(self, address: str) -> None:
        """A worker's process; the one above it starts another."""
        os.kill(self.client.run(os.getpid, workers=[address])[address], signal.SIGKILL)

    def stop(self) -> None:
        self.client.close()
        for process in reversed(self.processes):
            process.terminate()
            process.wait(60)
        self.log.close()


@pytest.fixture
def dask(tmp_path: Path) -> Iterator[Callable[..., Dask]]:
    clusters: list[Dask] = []

    def start(*arguments: Any, **more: Any) -> Dask:
        clusters.append(Dask(tmp_path, *arguments, **more))
        return clusters[-1]

    yield start
    for cluster in clusters:
        cluster.stop()
