"""A folder holds the files of one run."""

from pathlib import Path

import pytest

from deepsquat.errors import UserError
from deepsquat.runs.owner import check_free, own, owner

ONE, OTHER = "1" * 32, "2" * 32


def test_a_folder_is_one_runs(tmp_path: Path) -> None:
    check_free(tmp_path, None)
    assert owner(tmp_path) == ""
    own(tmp_path, ONE)
    assert owner(tmp_path) == ONE
    check_free(tmp_path, ONE)
    for resumed in (None, OTHER):
        with pytest.raises(UserError, match=f"holds the files of the run {ONE}; resume={ONE} goes on"):
            check_free(tmp_path, resumed)
    (tmp_path / "run_id").write_text(OTHER)
    with pytest.raises(UserError, match="its checksum does not fit"):
        check_free(tmp_path, ONE)


def test_a_trials_new_folder_takes_the_files_of_its_earlier_attempt(tmp_path: Path) -> None:
    (tmp_path / "last.ckpt").touch()
    check_free(tmp_path, ONE)
    with pytest.raises(UserError, match="a run of an earlier version"):
        check_free(tmp_path, None)
