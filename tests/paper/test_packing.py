"""What is packed, and what becomes of it where it is unpacked."""

import gzip
import json
import tarfile
import zlib
from contextlib import suppress
from pathlib import Path

import pytest

from deepsquat.errors import UserError
from deepsquat.paper.packing import adopt, ended, pack, unpack

STUDIES = ["depth-x", "final-x"]


def put(home: Path, name: str, content: str = "") -> None:
    path = home / "multirun" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


def run(home: Path, run_id: str, status: str, **tags: str) -> None:
    known = {"id": "0" * 32, "name": run_id, "experiment": "deepsquat", "status": status, "tags": tags}
    times = {"start_time": 1, "end_time": None, "dataset": None}
    put(home, f"offline/{run_id}/run.json", json.dumps(known | times))
    put(home, f"offline/{run_id}/artifacts/predictions.csv", run_id)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    run(home, "parent", "RUNNING", sweep="depth-x")
    run(home, "done", "FINISHED", study="depth-x")
    run(home, "broken", "FAILED", study="depth-x")
    run(home, "goes_on", "RUNNING", study="depth-x")
    run(home, "cut_off", "KILLED", study="depth-x")
    run(home, "stranger", "FINISHED", study="mine")
    put(home, "offline/done/.lock")
    put(home, "offline/done/artifacts/best.ckpt")
    put(home, "depth-x/study.journal", "whole\nhalf a li")
    put(home, "depth-x/study.id", "7")
    put(home, "depth-x/0/files/config.yaml", "a: 1")
    put(home, "depth-x/0/last.ckpt")
    put(home, "mine/study.journal", "mine\n")
    return home


def test_runs_that_have_ended_are_packed_without_checkpoints(home: Path, tmp_path: Path) -> None:
    assert ended(home, STUDIES) == 3
    assert pack(home, tmp_path / "out" / "x.tar.gz", STUDIES)
    with tarfile.open(tmp_path / "out" / "x.tar.gz") as archive:
        names = sorted(name.removeprefix("multirun/") for name in archive.getnames())
        journal = archive.extractfile("multirun/depth-x/study.journal")
        assert journal is not None and journal.read() == b"whole\n"
    runs = [f"offline/{name}" for name in ("broken", "done", "parent")]
    assert names == [
        *("depth-x/0/files/config.yaml", "depth-x/study.id", "depth-x/study.journal"),
        *(f"{run}/{file}" for run in runs for file in ("artifacts/predictions.csv", "run.json")),
    ]


def test_nothing_is_packed_where_nothing_was_run(tmp_path: Path) -> None:
    assert not pack(tmp_path, tmp_path / "out" / "x.tar.gz", STUDIES)
    assert not (tmp_path / "out").exists()


def test_what_is_there_may_have_gone_on_and_stays(home: Path, tmp_path: Path) -> None:
    archive, other = tmp_path / "x.tar.gz", tmp_path / "other"
    pack(home, archive, STUDIES)
    put(other, "depth-x/study.journal", "further on\n")
    run(other, "done", "RUNNING", study="depth-x")
    adopt(archive, other)
    adopt(archive, other)
    assert (other / "multirun/depth-x/study.journal").read_text() == "further on\n"
    assert json.loads((other / "multirun/offline/done/run.json").read_text())["status"] == "RUNNING"
    assert (other / "multirun/offline/parent/run.json").is_file()
    assert sorted(path.name for path in (other / "multirun").iterdir()) == ["depth-x", "offline"]

    assert adopt(archive, tmp_path / "new") == ["depth-x"]
    assert pack(tmp_path / "new", tmp_path / "again.tar.gz", STUDIES)
    with tarfile.open(archive) as before, tarfile.open(tmp_path / "again.tar.gz") as now:
        assert before.getnames() == now.getnames()


def test_a_study_that_went_on_elsewhere_goes_on_from_there(home: Path, tmp_path: Path) -> None:
    archive, other = tmp_path / "x.tar.gz", tmp_path / "other"
    pack(home, archive, STUDIES)
    adopt(archive, other)
    journal = other / "multirun/depth-x/study.journal"
    journal.write_text(journal.read_text() + "and on\n")
    run(other, "later", "FINISHED", study="depth-x")
    put(other, "depth-x/1/files/config.yaml", "a: 2")
    pack(other, archive, STUDIES)

    put(home, "depth-x/study.journal", "whole\n")
    adopt(archive, home)
    assert (home / "multirun/depth-x/study.journal").read_text() == "whole\nand on\n"
    assert (home / "multirun/depth-x/1/files/config.yaml").read_text() == "a: 2"
    assert (home / "multirun/offline/later/run.json").is_file()
    assert json.loads((home / "multirun/offline/goes_on/run.json").read_text())["status"] == "RUNNING"


def test_a_run_that_cannot_be_read_is_in_no_archive_and_stops_nothing(home: Path, tmp_path: Path) -> None:
    put(home, "offline/emptied/run.json")
    assert ended(home, STUDIES) == 3 and pack(home, tmp_path / "x.tar.gz", STUDIES)
    with tarfile.open(tmp_path / "x.tar.gz") as archive:
        assert not [name for name in archive.getnames() if "emptied" in name]


def test_one_bit_that_is_turned_is_seen_where_it_changes_what_is_there(home: Path, tmp_path: Path) -> None:
    archive, damaged = tmp_path / "x.tar.gz", tmp_path / "damaged.tar.gz"
    pack(home, archive, STUDIES)
    whole = archive.read_bytes()
    for at in range(100, len(whole), len(whole) // 20):  # behind the name of the file
        turned = whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :]
        damaged.write_bytes(turned)
        with suppress(OSError, EOFError, zlib.error):
            if gzip.decompress(turned) == gzip.decompress(whole):  # a run of zeros, told otherwise
                continue
        with pytest.raises(UserError, match=r"damaged\.tar\.gz: cannot be unpacked"):
            adopt(damaged, tmp_path / f"new{at}")
        assert not list((tmp_path / f"new{at}").rglob("run.json"))


def test_an_archive_that_is_damaged_or_another_is_named(home: Path, tmp_path: Path) -> None:
    archive = tmp_path / "x.tar.gz"
    pack(home, archive, STUDIES)
    torn = tmp_path / "torn.tar.gz"
    torn.write_bytes(archive.read_bytes()[:200])
    with pytest.raises(UserError, match=r"torn\.tar\.gz: cannot be unpacked"):
        adopt(torn, tmp_path / "new")
    for name in ("../evil", "/evil", "elsewhere/evil"):
        with tarfile.open(archive, "w:gz") as made:
            made.add(home / "multirun/depth-x/study.id", name)
        with pytest.raises(UserError, match=r"no archive of src/reproduce|cannot be unpacked"):
            unpack(archive, tmp_path / "new")
    with tarfile.open(archive, "w:gz") as made:
        made.add(home / "multirun/depth-x/study.id", "multirun/../../evil")
    with pytest.raises(UserError, match="cannot be unpacked"):
        unpack(archive, tmp_path / "new" / "deep")
    assert not list(tmp_path.rglob("evil"))
