import json
import random
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from deepsquat.errors import UserError
from deepsquat.files import add_checksum, read_checked, with_checksum, without_checksum, written_whole


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


def test_damage_at_any_place_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    chance = random.Random(0)
    content = chance.randbytes(1000)
    path.write_bytes(content)
    add_checksum(path)
    whole = path.read_bytes()
    assert read_checked(path, "start anew") == content
    flipped = [whole[:i] + bytes([whole[i] ^ 1 << i % 8]) + whole[i + 1 :] for i in range(len(whole))]
    for damaged in [b"", whole[:-1], whole[:500], whole + b"\n", content, *flipped]:
        path.write_bytes(damaged)
        with pytest.raises(UserError, match=r"its checksum does not fit.*; start anew"):
            read_checked(path, "start anew")
    with pytest.raises(UserError, match="cannot be read"):
        read_checked(tmp_path / "nothing", "start anew")


def test_other_readers_pass_over_the_checksum(tmp_path: Path) -> None:
    torch.save({"a": torch.ones(3)}, tmp_path / "a.ckpt")
    np.savez(tmp_path / "a.npz", a=np.ones(3))
    (tmp_path / "a.yaml").write_text("a: 1")
    for path in tmp_path.iterdir():
        add_checksum(path)
    assert torch.load(tmp_path / "a.ckpt", weights_only=True)["a"].sum() == 3
    assert np.load(tmp_path / "a.npz")["a"].sum() == 3
    assert yaml.safe_load((tmp_path / "a.yaml").read_text()) == {"a": 1}


def test_a_json_objects_checksum_is_one_of_its_values(tmp_path: Path) -> None:
    values = {"b": [1, 2.5], "a": {"x": None}}
    text = json.dumps(with_checksum(values), indent=1)
    assert without_checksum(json.loads(text)) == values == without_checksum(values)
    with pytest.raises(ValueError, match="checksum"):
        without_checksum(json.loads(text.replace("2.5", "2.6")))
    with pytest.raises(ValueError, match="no JSON object"):
        without_checksum([])
