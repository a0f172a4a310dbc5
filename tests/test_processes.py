import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from deepsquat.processes import cores, uninterrupted
from deepsquat.study.task import TimeLimit, time_limit
from program import ROOT


def test_ctrl_c_waits_for_the_end_of_the_block() -> None:
    done = []
    with pytest.raises(KeyboardInterrupt), uninterrupted():
        os.kill(os.getpid(), signal.SIGINT)
        done.append("after the signal")
    assert done == ["after the signal"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_signal_is_not_lost_where_the_block_fails() -> None:
    with pytest.raises(KeyboardInterrupt) as caught, uninterrupted():
        os.kill(os.getpid(), signal.SIGINT)
        raise ValueError("in the block")
    assert isinstance(caught.value.__context__, ValueError)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_time_limit_waits_too() -> None:
    done = []
    with pytest.raises(TimeLimit), time_limit(0.05), uninterrupted():
        time.sleep(0.2)
        done.append("after the signal")
    assert done == ["after the signal"]


_ON_A_TERMINAL = """
import sys, time
sys.path.insert(0, "src")
from deepsquat.processes import stop_on_sigterm
stop_on_sigterm()
try:
    print("ready", flush=True)
    time.sleep(60)
except KeyboardInterrupt:
    print("to a terminal that is gone", flush=True)
    open(sys.argv[1], "w").write("ended in good order")
"""


def test_a_closed_terminal_ends_like_ctrl_c(tmp_path: Path) -> None:
    said = tmp_path / "said"
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(ROOT)
        os.execv(sys.executable, [sys.executable, "-c", _ON_A_TERMINAL, str(said)])
    assert b"ready" in os.read(terminal, 100)
    os.close(terminal)
    os.waitpid(child, 0)
    assert said.read_text() == "ended in good order"


def test_nohup_keeps_its_meaning() -> None:
    code = "import signal; from deepsquat.processes import stop_on_sigterm; stop_on_sigterm(); "
    code += "print(signal.getsignal(signal.SIGHUP) == signal.SIG_IGN)"
    done = subprocess.run(
        ["nohup", sys.executable, "-c", code], cwd=ROOT / "src", capture_output=True, text=True
    )
    assert done.stdout == "True\n"


def test_sigterm_waits_too_and_meets_the_handler_of_before() -> None:
    met = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: met.append(number))
    try:
        with uninterrupted():
            os.kill(os.getpid(), signal.SIGTERM)
            assert met == []
        assert met == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize("told", ["", ", by=15"])
def test_a_worker_ends_with_its_parent(told: str, tmp_path: Path) -> None:
    note = tmp_path / "put in order"
    worker = (
        "import time, pathlib, deepsquat.processes as p\n"
        f"p.stop_on_sigterm(); p.end_with_parent(0.05{told})\n"
        f"try: time.sleep(60)\nfinally: pathlib.Path({str(note)!r}).touch()\n"
    )
    parent = (
        "import subprocess, sys, time\n"
        f"print(subprocess.Popen([sys.executable, '-c', {worker!r}]).pid, flush=True)\n"
        "time.sleep(60)"
    )
    started = subprocess.Popen(
        [sys.executable, "-c", parent],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert started.stdout
    pid = int(started.stdout.readline())
    time.sleep(0.5)
    assert psutil.pid_exists(pid)
    started.kill()
    started.wait()
    psutil.wait_procs([psutil.Process(pid)] if psutil.pid_exists(pid) else [], timeout=10)
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    assert note.exists() == bool(told)


def test_a_worker_whose_parent_has_gone_before_it_could_look_ends_too(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import multiprocessing, os, signal, sys, time\n"
        "from deepsquat.processes import end_with_parent\n"
        "def work(path):\n"
        "    open(path, 'w').write(str(os.getpid()))\n"
        "    while os.getppid() == multiprocessing.parent_process().pid: time.sleep(0.01)\n"
        "    end_with_parent(0.05)\n"
        "    time.sleep(60)\n"
        "if __name__ == '__main__':\n"
        "    process = multiprocessing.get_context('spawn').Process(target=work, args=(sys.argv[1],))\n"
        "    process.start()\n"
        "    while not os.path.exists(sys.argv[1]): time.sleep(0.01)\n"
        "    time.sleep(0.2)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    note = tmp_path / "pid"
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    subprocess.run([sys.executable, str(script), str(note)], env=env, timeout=60)
    pid = int(note.read_text())
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and psutil.pid_exists(pid):
        time.sleep(0.05)
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_cores_are_those_that_may_be_used() -> None:
    assert 1 <= cores() <= (os.cpu_count() or 1)
