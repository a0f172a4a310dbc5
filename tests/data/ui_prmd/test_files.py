"""Where UI-PRMD's files are looked for, and which of them are refused or dropped."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from deepsquat.data.ui_prmd.source import UiPrmd
from deepsquat.errors import UserError
from recordings import CORRECT, as_text, table_of, write


@pytest.mark.parametrize("root", [None, "", " "])
def test_no_root_says_where_to_get_the_data(root: str | None) -> None:
    with pytest.raises(UserError, match=r"data\.root: say where .* https://webpages\.uidaho\.edu/ui-prmd/"):
        table_of(UiPrmd(root))


def test_roots_that_are_no_data_set(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nowhere is not there"):
        UiPrmd(str(tmp_path / "nowhere")).inputs()
    with pytest.raises(UserError, match='holds no "Segmented Movements'):
        UiPrmd(str(tmp_path)).inputs()
    fake = tmp_path / "fake.zip"
    fake.write_text("not a zip")
    with pytest.raises(UserError, match=r"fake\.zip: a truncated or damaged zip"):
        UiPrmd(str(fake)).inputs()
    other = tmp_path / "other.zip"
    with zipfile.ZipFile(other, "w") as file:
        file.writestr("../m01_s01_e01_positions.txt", "1")
    with pytest.raises(UserError, match='holds no "Segmented Movements'):
        UiPrmd(str(other)).inputs()


def test_two_copies_are_refused(folder: Path, tmp_path: Path, text: str) -> None:
    write(tmp_path / "a", {CORRECT.format("s01", 1): text})
    write(tmp_path / "b", {CORRECT.format("s01", 1): text})
    with pytest.raises(UserError, match=r"also at .*; point data\.root at one copy"):
        table_of(UiPrmd(str(tmp_path)))


def test_what_is_damaged_in_a_zip_is_dropped_and_named(archive: Path, tmp_path: Path) -> None:
    content = bytearray(archive.read_bytes())
    with zipfile.ZipFile(archive) as file:
        name = CORRECT.format("s07", 2)
        start = file.getinfo(name).header_offset + 200
    content[start : start + 400] = bytes(400)
    damaged = tmp_path / "damaged.zip"
    damaged.write_bytes(content)
    source = UiPrmd(str(damaged))
    assert source.inputs()[name] == "cannot be read"
    table, drops = source.landmark_table_and_drops()
    assert len(np.unique(table.squat)) == 4
    assert list(drops.squats) == ["m01_s07#2"]
    assert "m01_s07_e02_positions.txt: cannot be unpacked" in drops.squats["m01_s07#2"]
    damaged.write_bytes(archive.read_bytes()[:-100])
    with pytest.raises(UserError, match="a truncated or damaged zip"):
        table_of(UiPrmd(str(damaged)))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda lines: [], r"m01_s01_e01_positions\.txt: the file is empty"),
        (lambda lines: [*lines[:4], lines[4] + ",1.0", *lines[5:]], "line 5: 118 columns instead of 117"),
        (lambda lines: [*lines[:4], lines[4][:50]], "line 5: . columns instead of 117"),
        (lambda lines: [*lines[:2], "x" + lines[2]], "line 3: 'x.*' is not a position in millimetres"),
        (lambda lines: ["nan" + lines[0][lines[0].index(",") :]], "line 1: 'nan' is not a position"),
        (lambda lines: ["1e300" + lines[0][lines[0].index(",") :]], "line 1: '1e300' is not a position"),
        (lambda lines: ["" + lines[0][lines[0].index(",") :]], "line 1: '' is not a position"),
    ],
)
def test_a_bad_file_is_named_with_the_line(
    tmp_path: Path, text: str, spoil: Callable[[list[str]], list[str]], message: str
) -> None:
    lines = spoil(text.splitlines())
    root = write(tmp_path, {CORRECT.format("s01", 1): "\n".join(lines)})
    with pytest.raises(UserError, match=message) as caught:
        table_of(UiPrmd(str(root)))
    assert "\n" not in str(caught.value)


def test_empty_and_cut_off_recordings_do_not_stop_the_others(tmp_path: Path, text: str) -> None:
    files = {CORRECT.format("s01", n): text for n in (1, 2, 3)}
    files |= {CORRECT.format("s01", 4): "", CORRECT.format("s01", 5): text[:5000]}
    files[CORRECT.format("s01", 6)] = as_text(np.zeros((30, 39, 3)))
    table, drops = UiPrmd(str(write(tmp_path, files))).landmark_table_and_drops()
    assert set(table.squat) == {"m01_s01#1", "m01_s01#2", "m01_s01#3"}
    assert list(drops.squats) == ["m01_s01#4", "m01_s01#5", "m01_s01#6"]
    assert "the file is empty" in drops.squats["m01_s01#4"]
    assert "columns instead of 117" in drops.squats["m01_s01#5"]


def test_a_huge_member_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(CORRECT.format("s01", 1), b"0" * 17_000_000)
    with pytest.raises(UserError, match=r"m01_s01_e01_positions\.txt: larger than 16 MB"):
        table_of(UiPrmd(str(path)))
