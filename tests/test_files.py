import os
import signal
from pathlib import Path

import pytest

from deepsquat.errors import UserError
from deepsquat.files import held, uninterrupted, written_whole


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


def test_ctrl_c_waits_for_the_end_of_the_block() -> None:
    done = []
    with pytest.raises(KeyboardInterrupt), uninterrupted():
        os.kill(os.getpid(), signal.SIGINT)
        done.append("after the signal")
    assert done == ["after the signal"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_held_folder_is_refused_to_others_until_it_is_free(tmp_path: Path) -> None:
    with held(tmp_path), pytest.raises(UserError, match="another process"), held(tmp_path):
        pass
    with held(tmp_path):
        pass
