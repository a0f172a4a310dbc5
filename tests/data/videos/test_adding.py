"""What is added to a labels file leaves everything else in it as it was."""

import os
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from deepsquat.data.squats import Squat
from deepsquat.data.videos.adding import add_squats, new_squats
from deepsquat.data.videos.annotations import read_labels
from deepsquat.errors import UserError
from program import ROOT

NAMES = ("a.mp4", "gym/b.mp4", "ä, [x]: 'y' = #1 ワ.mp4", '"q" {z}.mov', "- dash.mp4", "123")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with files where videos should be; adding does not open them."""
    for name in NAMES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def squat(video: str, start: float, label: int | None = None, subject: str | None = None) -> Squat:
    return Squat(video, 0, start, start + 1.0, start + 2.0, label, subject)


TEXT = """\
# Anna's squats, filmed on Monday
a.mp4:   # the front
  - {start: 1.0, bottom: 2.0, end: 3.0, label: 1}   # a fine one

  # the next one is bad
  - start: '00:05:00'
    mid: '00:06:00'
    end: '00:07:00'   # at 30 a second
    label: 0
# ---- the gym ----
gym/b.mp4: [{start: 1, mid: 2, end: 3}]
'123':
- {start: 1, bottom: 2, end: 3}"""


def test_everything_that_stood_there_stands_there_still(folder: Path) -> None:
    path = folder / "labels.yaml"
    path.write_text(TEXT)
    for name in NAMES:
        (added,) = add_squats(path, [squat(name, 20.125, 0, "Ünal")]).new
        assert added == squat(name, 20.125, 0, "Ünal")
    lines = path.read_text().splitlines()
    kept = [line for line in TEXT.splitlines() if not line.startswith("gym")]
    assert [line for line in lines if line in kept] == kept
    new = "{start: 20.125, bottom: 21.125, end: 22.125, label: 0, subject: Ünal}"
    assert lines[lines.index("    label: 0") + 1] == f"  - {new}"
    assert f"gym/b.mp4: [{{start: 1, mid: 2, end: 3}}, {new}]" in lines
    assert lines[lines.index("'123':") + 2] == f"- {new}"
    assert {s.video for s in read_labels(path)} == set(NAMES)
    before = path.read_bytes()
    again = add_squats(path, [squat("a.mp4", 20.5, 1)])
    assert not again.new and (again.filled, again.otherwise) == (0, 1) and path.read_bytes() == before


def test_what_an_entry_lacks_of_label_and_subject_it_gets_in_its_own_form(folder: Path) -> None:
    path = folder / "labels.yaml"
    path.write_bytes(
        b"""\xef\xbb\xbf# \xc3\xa4
a.mp4:
- {start: 1, mid: 2, end: 3, faults: [x]}   # c1
- start: 11
  mid: 12
  end: 13
  faults:
  - y   # c2
- {start: 21, mid: 22, end: 23, label: , subject: null, }
- {start: 31, mid: 32, end: 33, label: 0, subject: ben}
gym/b.mp4: [{start: 1, mid: 2, end: 3}]
"""
    )
    found = [squat("a.mp4", start, 1, "1_2") for start in (1.0, 11.1, 21.0, 31.0, 41.0)]
    added = add_squats(path, found)
    assert (added.filled, added.otherwise) == (3, 1) and [one.start for one in added.new] == [41.0]
    text = path.read_bytes().decode()
    assert "end: 3, faults: [x], label: 1, subject: '1_2'}   # c1" in text
    assert "  - y   # c2\n  label: 1\n  subject: '1_2'\n" in text
    assert "end: 23, label: 1 , subject: '1_2', }" in text and text.startswith("\ufeff# ä")
    known = {(s.video, s.start): (s.label, s.subject) for s in read_labels(path)}
    assert known["gym/b.mp4", 1.0] == (None, None) and known["a.mp4", 31.0] == (0, "ben")
    assert {known["a.mp4", start] for start in (1.0, 11.0, 21.0, 41.0)} == {(1, "1_2")}
    before = path.read_bytes()
    again = add_squats(path, found)
    assert (again.new, again.filled) == ([], 0) and path.read_bytes() == before


def test_two_processes_lose_nothing(folder: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from deepsquat.data.squats import Squat\n"
        "from deepsquat.data.videos.adding import add_squats\n"
        "for i in range(12):\n"
        "    add_squats(Path('labels.yaml'), [Squat(sys.argv[1], 0, 9.0 * i, 9.0 * i + 1, 9.0 * i + 2, 1)])\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    begun = [
        subprocess.Popen([sys.executable, "-c", code, name], cwd=folder, env=environment)
        for name in ("a.mp4", "gym/b.mp4")
    ]
    assert [process.wait() for process in begun] == [0, 0]
    assert len(read_labels(folder / "labels.yaml")) == 24


def test_a_file_is_begun(folder: Path) -> None:
    for text in ("", "# mine\n", "\n# no newline at the end"):
        path = folder / "labels.yaml"
        path.write_text(text)
        add_squats(path, [squat(NAMES[2], 1.5), squat(NAMES[2], 5.0, 1)])
        assert path.read_text().startswith(text)
        assert [(s.start, s.label) for s in read_labels(path)] == [(1.5, None), (5.0, 1)]
    (folder / "labels.yaml").unlink()
    add_squats(path, [squat("a.mp4", 1.0)])
    assert len(read_labels(path)) == 1


def test_a_byte_order_mark_and_other_ends_of_lines_stay(folder: Path) -> None:
    path = folder / "labels.yaml"
    path.write_bytes(b"\xef\xbb\xbf# \xc3\xa4\r\na.mp4:\r\n- {start: 1, mid: 2, end: 3}\r\n")
    add_squats(path, [squat("a.mp4", 5.01)])
    add_squats(path, [squat("gym/b.mp4", 5.01)])
    content = path.read_bytes()
    assert content.startswith(
        b"\xef\xbb\xbf# \xc3\xa4\r\na.mp4:\r\n- {start: 1, mid: 2, end: 3}\r\n- {start: 5"
    )
    assert content.count(b"\n") == content.count(b"\r\n") == 6 and len(read_labels(path)) == 3


def test_where_two_meet_at_their_ends_the_new_one_gives_way() -> None:
    there = [squat("a", 10.0)]
    found = [replace(squat("a", 8.5), bottom=9.0), squat("a", 11.5), squat("a", 10.5), squat("a", 9.7)]
    new = new_squats(there, found)
    assert [(s.start, s.bottom, s.end) for s in new] == [(8.5, 9.0, 10.0), (12.0, 12.5, 13.5)]
    overlapping = new_squats([], [squat("a", 1.0), squat("a", 2.5)])
    assert [(s.start, s.end) for s in overlapping] == [(1.0, 3.0), (3.0, 4.5)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{a.mp4: [{start: 1, mid: 2, end: 3}]}", "its squats cannot be written"),
        ("a.mp4:\n- {start: 1, mid: 2, end: 3}\n...\n", "its squats cannot be written"),
        ("a.mp4:\n- {start: 1, mid: 2}\n", "end is missing"),
    ],
)
def test_what_cannot_be_extended_is_one_line_and_stays(folder: Path, text: str, message: str) -> None:
    path = folder / "labels.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match=message) as caught:
        add_squats(path, [squat("gym/b.mp4", 5.0)])
    assert "\n" not in str(caught.value) and path.read_text() == text
    assert [path.name for path in folder.glob(".labels*")] == [".labels.yaml.lock"]


def test_a_name_that_no_labels_file_has_is_refused(folder: Path) -> None:
    (folder / "C:x.mp4").touch()
    with pytest.raises(UserError, match="rename it, or write them yourself"):
        add_squats(folder / "labels.yaml", [squat("C:x.mp4", 5.0)])
    assert not (folder / "labels.yaml").exists()


def test_many_files_of_all_forms(folder: Path) -> None:
    """Block and flow, comments anywhere, in any order: what was read before is read after."""
    random.seed(7)
    for _ in range(60):
        lines = []
        for name in random.sample(NAMES, random.randint(1, 4)):
            key = "'" + name.replace("'", "''") + "'"
            squats = [f"{{start: {10 * i}, mid: {10 * i + 1}, end: {10 * i + 2}}}" for i in range(3)]
            indent = random.choice(["", "  ", "      "])
            forms = [
                [f"{key}: [{', '.join(squats)}]  # c"],
                [f"{key}:", "  [", *(f"  {s},  # c" for s in squats), "  ]"],
                [f"{key}: # c", *(f"{indent}- {s}   # [c]: " for s in squats)],
                [f"{key}:", *(f"{indent}- start: {10 * i}\n{indent}  mid: {10 * i + 1}\n"
                              f"{indent}  end: {10 * i + 2}\n\n# c" for i in range(2))],
            ]  # fmt: skip
            lines += random.choice(forms) + random.choice([[], ["", "# more"]])
        path = folder / "labels.yaml"
        path.write_text("\n".join(lines) + random.choice(["", "\n", "\n\n"]))
        before = set(read_labels(path))
        comments = path.read_text().count("#")
        video = random.choice(NAMES)
        added = add_squats(path, [squat(video, 5.0, 1), squat(video, 95.0)]).new
        after = read_labels(path)
        assert len(after) == len(before) + 2 == len(before) + len(added)
        assert {(s.video, s.start) for s in before} < {(s.video, s.start) for s in after}
        assert path.read_text().count("#") == comments + ("#1" in video and "#1" not in "\n".join(lines))
