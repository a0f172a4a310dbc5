"""A journal outlives killed writers and records cut short; dead owners are told from living ones."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import optuna
import pytest

from deepsquat.errors import UserError
from deepsquat.study.ownership import Heartbeats, is_alive, this_process
from deepsquat.study.storage import open_storage


def _study(path: Path) -> optuna.Study:
    open_storage.cache_clear()
    return optuna.create_study(storage=open_storage(str(path)), study_name="s", load_if_exists=True)


@pytest.mark.parametrize("torn", [b'{"op_code":4,"wor', b"\0\0\0\0", b"x" * 9000])
def test_a_record_cut_short_is_dropped_and_the_study_goes_on(tmp_path, torn):
    path = tmp_path / "study.journal"
    study = _study(path)
    study.tell(study.ask(), 1.0)
    with path.open("ab") as file:
        file.write(torn)
    again = _study(path)
    again.tell(again.ask(), 2.0)
    study.tell(study.ask(), 3.0)  # a process that had the study open all the time
    assert [t.value for t in _study(path).trials] == [1.0, 2.0, 3.0]


def test_a_killed_holder_leaves_no_lock(tmp_path):
    path = tmp_path / "study.journal"
    _study(path)
    code = (
        "import time; from pathlib import Path; from deepsquat.study.storage import _Lock;"
        f"_Lock(Path({str(path)!r})).acquire(); print('held', flush=True); time.sleep(60)"
    )
    source = str(Path(__file__).parents[2] / "src")
    with subprocess.Popen(
        [sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": source}, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        os.kill(holder.pid, signal.SIGKILL)
    study = _study(path)
    study.tell(study.ask(), 1.0)
    assert len(study.trials) == 1


def test_a_file_that_is_no_journal_is_refused(tmp_path):
    path = tmp_path / "study.journal"
    path.write_text("squats\nand\nlunges\n")
    open_storage.cache_clear()
    with pytest.raises(UserError, match="no journal of Optuna"):
        open_storage(str(path))


def test_a_process_is_known_by_its_number_and_its_start():
    me = this_process()
    assert is_alive(me) is True
    assert is_alive({**me, "started": "1"}) is False
    assert is_alive({**me, "machine": "elsewhere"}) is None
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        child.wait()
    assert is_alive({**me, "pid": child.pid}) is False


def test_a_heartbeat_is_stale_only_while_it_is_watched_and_not_renewed(monkeypatch):
    now = 0.0
    monkeypatch.setattr("deepsquat.study.ownership.time.monotonic", lambda: now)
    heartbeats = Heartbeats()
    assert not heartbeats.is_stale(3, 17.0)
    now = 50.0
    assert not heartbeats.is_stale(3, 18.0)
    now = 100.0
    assert not heartbeats.is_stale(3, 18.0)
    now = 111.0
    assert heartbeats.is_stale(3, 18.0)
