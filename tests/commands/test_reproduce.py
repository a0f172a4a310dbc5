"""What src/reproduce.py and src/report.py take from their configs."""

import sys
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from deepsquat.commands.options import listed
from deepsquat.commands.report import asked_by
from deepsquat.commands.reproduce import _archive, name_protocol, reproduce
from deepsquat.commands.run import CONF, ROOT, home
from deepsquat.errors import UserError


def test_one_text_or_several() -> None:
    config = OmegaConf.create({"one": "a b's.npz", "two": ["a", 7], "none": [], "missing": "???"})
    assert listed(config, "one") == ["a b's.npz"]
    assert listed(config, "two") == ["a", "7"]
    assert listed(config, "none", may_be_empty=True) == []
    for key in ("none", "missing"):
        with pytest.raises(UserError, match=f"{key}: give one, or several as in"):
            listed(config, key)


@pytest.mark.parametrize("value", [None, "", " ", [""], [None], [["a"]], {"a": 1}, True])
def test_what_is_no_text_is_refused(value: object) -> None:
    with pytest.raises(UserError, match="files: give one"):
        listed(OmegaConf.create({"files": value}), "files")


@pytest.mark.parametrize("minutes", ["abc", "", 0, -1, True, [1], float("nan"), float("inf")])
def test_minutes_are_a_number_above_0(minutes: object, tmp_path: Path) -> None:
    file = tmp_path / "x.npz"
    file.touch()
    given = {"protocol": {"name": "paper"}, "files": str(file), "tables": ["final"], "train": []}
    given |= {"minutes": minutes, "out": str(tmp_path)}
    with pytest.raises(UserError, match="minutes must be a number above 0"):
        reproduce(OmegaConf.create(given))


def test_what_a_protocol_asks_is_what_its_files_say() -> None:
    paper, quick, paper_steps = (
        asked_by(Path(CONF) / "protocol" / f"{name}.yaml", Path(CONF))
        for name in ("paper", "quick", "paper_steps")
    )
    names = ("optim.lr", "optim.batch_size", "skeleton.height", "skeleton.width", "trainer.max_epochs")
    assert [paper[name] for name in names] == [1e-5, 500, 192, 108, 500]
    assert [quick[name] for name in names] == [5e-4, 16, 144, 81, 12]
    assert [paper_steps[name] for name in names] == [1e-5, 8, 192, 108, 500]


def test_results_go_beside_the_images_of_the_repository_or_where_one_says(tmp_path: Path) -> None:
    def archive(protocol: str, files: str | None, out: str | None) -> Path:
        return _archive(
            OmegaConf.create({"protocol": {"name": protocol}, "files": files, "out": out}),
            [Path(files or "docs/paper-squats.npz")],
        )

    assert archive("paper_steps", None, None) == ROOT / "docs" / "paper-tables.tar.gz"
    assert archive("paper", None, None) == Path(home()) / "results" / "paper_squats.tar.gz"
    assert archive("paper_steps", "a b.npz", None) == Path(home()) / "results" / "a_b.tar.gz"
    assert archive("paper", "x.npz", str(tmp_path)) == tmp_path / "x.tar.gz"
    assert archive("paper", "x.npz", f"{tmp_path}/y.tar.gz") == tmp_path / "y.tar.gz"


def test_the_protocol_may_be_named_as_for_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["reproduce.py", "protocol=paper_steps", "minutes=1"])
    name_protocol()
    assert sys.argv == ["reproduce.py", "protocol.name=paper_steps", "minutes=1"]
