"""A journal outlives killed writers and records cut short; dead owners are told from living ones."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import optuna
import pytest
from optuna.exceptions import StorageInternalError
from optuna.trial import TrialState
from sqlalchemy.exc import OperationalError

from deepsquat.errors import UserError
from deepsquat.study.options import StudyOptions
from deepsquat.study.ownership import Heartbeats, is_alive, this_process
from deepsquat.study.points import Points, tell
from deepsquat.study.space import Space
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


class Restarted:
    """Stands for a server: the named call is made, and its answer lost, as often as told."""

    def __init__(self, storage, name: str, times: int) -> None:
        self.storage, self.name, self.times = storage, name, times

    def __getattr__(self, name: str):
        found = getattr(self.storage, name)
        if name != self.name:
            return found

        def call(*arguments, **named):
            answer = found(*arguments, **named)
            if self.times > 0:
                self.times -= 1
                raise StorageInternalError("lost") from OperationalError("select", {}, Exception("gone"))
            return answer

        return call


def _patient(tmp_path: Path, name: str, times: int) -> tuple[optuna.Study, StudyOptions]:
    open_storage.cache_clear()
    storage = open_storage(f"sqlite:///{tmp_path}/study.db")
    storage._storage = Restarted(storage._storage, name, times)
    options = StudyOptions(study="s", sampler="random", n_trials=2)
    return optuna.create_study(storage=storage, study_name="s"), options


def _points(study: optuna.Study, options: StudyOptions) -> Points:
    return Points(study, Space((), ()), options, "")


def test_a_call_whose_answer_was_lost_is_made_again(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr("deepsquat.study.storage.time.sleep", lambda _: None)
    study, options = _patient(tmp_path, "set_trial_state_values", 2)
    trial = _points(study, options).claim()
    assert trial is not None
    tell(study, trial.number, TrialState.COMPLETE, [0.5])
    assert [t.values for t in study.trials] == [[0.5]]
    assert capfd.readouterr().err.count("does not answer; tried again for 300 s") == 1


def test_a_trial_made_twice_by_a_lost_answer_is_run_once(tmp_path, monkeypatch):
    monkeypatch.setattr("deepsquat.study.storage.time.sleep", lambda _: None)
    study, options = _patient(tmp_path, "create_new_trial", 2)
    points = _points(study, options)
    trial = points.claim()
    assert trial is not None and trial.number == 2
    assert [t.user_attrs.get("ended") for t in study.trials] == ["withdrawn", "withdrawn", None]
    tell(study, trial.number, TrialState.COMPLETE, [0.5])
    assert [point.done for point in points.all()] == [True, False]


def test_a_server_that_stays_away_is_one_line_and_waited_for_once(tmp_path, monkeypatch):
    monkeypatch.setattr("deepsquat.study.storage.PATIENCE", 0.6)
    study, _ = _patient(tmp_path, "get_all_trials", 99)
    for most in (5.0, 0.4):
        start = time.monotonic()
        with pytest.raises(UserError, match="gone") as caught:
            study.get_trials()
        assert time.monotonic() - start < most and "\n" not in str(caught.value)


def test_another_error_of_a_storage_is_not_waited_for(tmp_path):
    study, _ = _patient(tmp_path, "", 0)
    with pytest.raises(KeyError):
        study._storage.get_trial(17)


@pytest.mark.parametrize(
    ("address", "mistake"),
    [
        ("postgresql+psycopg://me:secret@127.0.0.1/x", r"~/.pgpass"),
        ("grpc://127.0.0.1", "grpc://HOST:PORT"),
        ("nonsense://x", "nonsense"),
    ],
)
def test_an_address_that_cannot_be_is_one_line(address, mistake):
    with pytest.raises(UserError, match=mistake) as caught:
        open_storage(address)
    assert "\n" not in str(caught.value) and "secret" not in str(caught.value)
