"""A study and its folder bear one id, and neither is taken for another's."""

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from deepsquat.errors import UserError
from deepsquat.study.opening import ID_FILE, opened
from deepsquat.study.options import StudyOptions
from deepsquat.study.ownership import this_process
from deepsquat.study.points import Points, beat, fail, living
from deepsquat.study.space import Space
from deepsquat.study.storage import open_storage
from deepsquat.study.sweep import _refuse_other_code

IDENTITY = {"steps": "2"}


def _open(folder: Path, address: str | None = None, **identity: str) -> optuna.Study:
    open_storage.cache_clear()
    options = StudyOptions(study="toy", objective="loss")
    return opened(options, address or str(folder / "study.journal"), folder, {**IDENTITY, **identity})


def _trial(study: optuna.Study, folder: Path, state: TrialState = TrialState.COMPLETE, **attributes) -> int:
    """A trial that has its folder, as one that was run."""
    trial = study.ask()
    for key, value in {"point": trial.number, "owner": this_process(), **attributes}.items():
        trial.set_user_attr(key, value)
    (folder / str(trial.number)).mkdir()
    if state != TrialState.RUNNING:
        study.tell(trial, 1.0 if state == TrialState.COMPLETE else None, state=state)
    return trial.number


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "multirun" / "toy"


def test_a_study_keeps_its_id_and_another_of_the_same_name_has_another(folder: Path, tmp_path: Path) -> None:
    study = _open(folder)
    _trial(study, folder)
    assert (folder / ID_FILE).read_text().strip() == study.user_attrs["id"]
    assert _open(folder).user_attrs["id"] == study.user_attrs["id"]
    assert _open(tmp_path / "elsewhere").user_attrs["id"] != study.user_attrs["id"]

    shutil.rmtree(folder)
    assert _open(folder).user_attrs["id"] != study.user_attrs["id"]


def test_a_study_that_nothing_has_ended_well_in_keeps_its_direction_all_the_same(folder: Path) -> None:
    study = _open(folder)
    _trial(study, folder, TrialState.FAIL)
    options = StudyOptions(study="toy", objective="size", direction="maximize")
    with pytest.raises(UserError, match="was made to minimize, which cannot be changed"):
        opened(options, str(folder / "study.journal"), folder, {**IDENTITY, "direction": "maximize"})
    renamed = StudyOptions(study="toy", objective="size")
    found = opened(renamed, str(folder / "study.journal"), folder, {**IDENTITY, "objective": "size"})
    assert found.metric_names == ["size"]


def test_values_that_a_study_never_knew_may_be_new_where_one_says_so(folder: Path) -> None:
    study = _open(folder)
    _trial(study, folder)
    with pytest.raises(UserError, match="patience was not there, is 3"):
        _open(folder, patience="3")
    options = StudyOptions(study="toy", objective="loss", may_be_new=True)

    def later(**identity: str) -> optuna.Study:
        return opened(options, str(folder / "study.journal"), folder, identity)

    assert later(**IDENTITY, patience="3").user_attrs["identity"] == IDENTITY
    for other in ({"steps": "3", "patience": "3"}, {"patience": "3"}):
        with pytest.raises(UserError, match="steps was 2, is "):
            later(**other)


def test_first_starts_at_once_make_one_study(folder: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        studies = list(pool.map(lambda _: _open(folder), range(8)))
    assert len({study.user_attrs["id"] for study in studies}) == 1


@pytest.mark.parametrize("how", ["emptied", "missing"])
def test_a_journal_that_has_lost_its_trials_is_refused(folder: Path, how: str) -> None:
    _trial(_open(folder), folder)
    journal = folder / "study.journal"
    journal.write_text("") if how == "emptied" else journal.unlink()
    with pytest.raises(UserError, match=f"{folder}/0 is no trial of the study toy.*to start anew"):
        _open(folder)


def test_a_folder_of_another_study_is_refused(folder: Path, tmp_path: Path) -> None:
    _trial(_open(folder), folder)
    elsewhere = tmp_path / "other"
    other = _open(elsewhere)
    _trial(other, elsewhere)
    with pytest.raises(UserError, match="belongs to another study"):
        _open(folder, str(elsewhere / "study.journal"))


def test_a_folder_that_lies_where_a_trial_would_write_is_refused(folder: Path) -> None:
    _trial(_open(folder), folder)
    (folder / "1").mkdir()
    with pytest.raises(UserError, match=f"{folder}/1 is no trial of the study toy"):
        _open(folder)


def test_a_lost_folder_of_a_study_kept_elsewhere_is_made_again(folder: Path, tmp_path: Path) -> None:
    address = str(tmp_path / "kept.journal")
    study = _open(folder, address)
    _trial(study, folder)
    shutil.rmtree(folder)
    assert _open(folder, address).user_attrs["id"] == study.user_attrs["id"]
    assert (folder / ID_FILE).read_text().strip() == study.user_attrs["id"]


def test_a_study_of_an_earlier_version_is_refused_in_one_line(folder: Path) -> None:
    folder.mkdir(parents=True)
    storage = open_storage(str(folder / "study.journal"))
    study = optuna.create_study(storage=storage, study_name="toy")
    study.set_user_attr("identity", IDENTITY)
    _trial(study, folder, cell=0)
    with pytest.raises(UserError, match=r"earlier version.*hydra.sweeper.study=NAME"):
        _open(folder)


@pytest.mark.parametrize("state", [TrialState.COMPLETE, TrialState.PRUNED, TrialState.RUNNING])
def test_what_has_ended_well_or_still_runs_binds_a_study_to_its_values(
    folder: Path, state: TrialState
) -> None:
    _trial(_open(folder), folder, state)
    with pytest.raises(UserError, match="steps was 2, is 3"):
        _open(folder, steps="3")


def test_what_was_interrupted_under_other_values_is_not_resumed(folder: Path) -> None:
    study = _open(folder)
    options = StudyOptions(study="toy", objective="loss", n_trials=1)
    points = Points(study, Space((), ()), options, "")
    number = _trial(study, folder, TrialState.RUNNING)
    fail(study, number, "interrupted", "interrupted")
    assert points.all()[0].earlier == [number]

    study = _open(folder, steps="3")
    (point,) = Points(study, Space((), ()), options, "").all()
    assert point.trials == ()


def test_a_journal_that_is_a_folder_is_refused(folder: Path) -> None:
    (folder / "study.journal").mkdir(parents=True)
    with pytest.raises(UserError, match=r"study\.journal is a folder"):
        _open(folder)


def test_a_folder_in_which_the_running_trials_are_not_is_refused(folder: Path, tmp_path: Path) -> None:
    address = str(tmp_path / "kept.journal")
    _trial(_open(folder, address), folder, TrialState.RUNNING)
    other = tmp_path / "not shared" / "toy"
    with pytest.raises(UserError, match=r"not the folder in which trial 0 .*every machine must see the one"):
        _open(other, address)
    assert not (other / ID_FILE).exists()
    _open(folder, address)


def test_a_trial_of_another_machine_lives_where_its_heartbeat_changes(folder: Path) -> None:
    study = _open(folder)
    elsewhere = {**this_process(), "machine": "elsewhere 1"}
    _trial(study, folder, TrialState.RUNNING, owner={**this_process(), "started": "1"})
    number = _trial(study, folder, TrialState.RUNNING, owner=elsewhere)
    assert living(study, 0.6) == []
    beating = threading.Timer(0.2, lambda: beat(study, number))
    beating.start()
    assert [trial.number for trial in living(study, 20)] == [number]
    beating.join()


def test_other_code_is_refused_while_a_trial_runs_with_its_own(folder: Path) -> None:
    study, options = _open(folder), StudyOptions(study="toy", objective="loss", n_trials=1)
    number = _trial(study, folder, TrialState.RUNNING, version="a")
    _refuse_other_code(Points(study, Space((), ()), options, "a"))
    with pytest.raises(UserError, match=r"the code here is b, and trial 0 runs with a .*bring the same code"):
        _refuse_other_code(Points(study, Space((), ()), options, "b"))
    fail(study, number, "interrupted", "interrupted")
    _refuse_other_code(Points(study, Space((), ()), options, "b"))
