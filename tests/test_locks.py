import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from deepsquat.errors import UserError
from deepsquat.locks import held, locked
from program import ROOT


def test_a_held_folder_is_refused_to_others_until_it_is_free(tmp_path: Path) -> None:
    with held(tmp_path), pytest.raises(UserError, match="another process"), held(tmp_path):
        pass
    with held(tmp_path):
        pass


def test_a_lock_goes_with_its_holder_and_the_wait_for_it_can_be_interrupted(tmp_path: Path) -> None:
    script = (
        "import sys, time, pathlib; from deepsquat.locks import locked\n"
        "with locked(pathlib.Path(sys.argv[1])): print('has it', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "lock")],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout and holder.stdout.readline() == "has it\n"
    with pytest.raises(TimeoutError), locked(tmp_path / "lock", seconds=0.1):
        pass
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    with pytest.raises(KeyboardInterrupt), locked(tmp_path / "lock"):
        pass
    signal.signal(signal.SIGALRM, before)
    holder.kill()
    holder.wait()
    with locked(tmp_path / "lock", seconds=5):
        pass


def test_a_lock_that_cannot_be_written_is_the_users_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot be written"), held(tmp_path / "file"):
        pass
