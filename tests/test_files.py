from pathlib import Path

import pytest

from deepsquat.errors import UserError
from deepsquat.files import written_whole


def test_a_file_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "a.txt"
    with pytest.raises(ValueError), written_whole(path) as temporary:
        temporary.write_text("half")
        raise ValueError
    assert list(path.parent.iterdir()) == []
    with written_whole(path) as temporary:
        temporary.write_text("whole")
        assert not path.exists() and temporary.suffix == ".txt"
    assert path.read_text() == "whole" and len(list(path.parent.iterdir())) == 1


def test_a_folder_that_is_no_folder_is_the_users_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot be written"), written_whole(tmp_path / "file" / "a.txt"):
        pass
