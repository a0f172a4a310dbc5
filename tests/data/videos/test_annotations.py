import random
import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest

from deepsquat.data.squats import Squat
from deepsquat.data.videos.annotations import read_labels, write_labels
from deepsquat.errors import UserError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with files where videos should be; reading labels does not open them."""
    for name in ("a.mp4", "b.mp4", "gym/a.mp4"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"video")
    return tmp_path


def read(folder: Path, text: str | bytes) -> tuple[Squat, ...]:
    path = folder / "labels.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_labels(path)


def refusal(folder: Path, text: str | bytes) -> str:
    with pytest.raises(UserError) as caught:
        read(folder, text)
    message = str(caught.value)
    assert message.startswith(str(folder / "labels.yaml")), message
    assert len(message.splitlines()) == 1
    return message.removeprefix(str(folder / "labels.yaml"))


def test_the_papers_form(folder: Path) -> None:
    text = """
a.mp4:
- start: '00:01:15'
  mid: 00:02:00
  end: 01:03:29
  label: 1
- {start: '01:01:04:00', mid: '01:01:05:15', end: '01:01:06:00', label: 0}
"""
    assert read(folder, text) == (
        Squat("a.mp4", 0, 1.5, 2.0, 63 + 29 / 30, 1),
        Squat("a.mp4", 1, 3664.0, 3665.5, 3666.0, 0),
    )


@pytest.mark.parametrize(
    ("time", "seconds"), [("1:05", 1 + 5 / 30), ("10:20", 10 + 20 / 30), ("1:00:15", 60.5), ("0:00", 0.0)]
)
def test_an_unquoted_time_is_no_base_60_number(folder: Path, time: str, seconds: float) -> None:
    (squat,) = read(folder, f"a.mp4: [{{start: 0, mid: {time}, end: 100}}]")
    assert squat.bottom == seconds


def test_the_readable_form(folder: Path) -> None:
    text = """\
gym/a.mp4:
  - {start: 5, bottom: 6.25, end: 7.5, label: 0, subject: 7, faults: [too shallow, knees in]}
  - {start: 1.5, bottom: '00:02:00', end: 3., subject: "anna", label: }
./b.mp4: [{start: 0, mid: .5, end: 1e1, faults: []}]
"""
    assert read(folder, text) == (
        Squat("gym/a.mp4", 0, 1.5, 2.0, 3.0, None, "anna"),
        Squat("gym/a.mp4", 1, 5.0, 6.25, 7.5, 0, "7", ("too shallow", "knees in")),
        Squat("b.mp4", 0, 0.0, 0.5, 10.0, None),
    )


def test_squats_may_touch_and_stand_in_any_order(folder: Path) -> None:
    text = "a.mp4: [{start: 2, mid: 3, end: 4}, {start: 0, mid: 1, end: 2}]"
    assert [squat.id for squat in read(folder, text)] == ["a.mp4#0", "a.mp4#1"]


def test_video_paths_may_start_from_another_folder(folder: Path) -> None:
    path = folder / "labels.yaml"
    path.write_text("a.mp4: [{start: 0, mid: 1, end: 2}]")
    (folder / "gym" / "a.mp4").unlink()
    with pytest.raises(UserError, match=r"line 1: there is no video a.mp4 in .*gym"):
        read_labels(path, folder / "gym")
    (moved,) = read_labels(path.rename(folder / "gym" / "other.yaml"), folder)
    assert moved.video == "a.mp4"


def test_names_that_phones_give_are_read(folder: Path) -> None:
    names = ["Aufnahme 3.05.12\u202fPM: Größe #2.mov", "スクワット.mp4", "yes", "1.5", "x" * 150 + ".mp4"]
    for name in names:
        (folder / name).write_bytes(b"video")
    squats = [Squat(name, 0, 0.0, 1.0, 2.0, 1) for name in names]
    write_labels(folder / "labels.yaml", squats)
    assert list(read_labels(folder / "labels.yaml")) == squats


def test_what_is_written_is_read_back_exactly(folder: Path) -> None:
    rng = random.Random(0)
    names = [
        "anna",
        "007",
        "no",
        "null",
        "1:30",
        "é: {x}",
        "'quoted' \"twice\"",
        " spaced ",
        "*a",
        "- b",
        "~",
    ]
    for _ in range(150):
        squats = []
        for video in rng.sample(["a.mp4", "b.mp4", "gym/a.mp4"], rng.randint(1, 3)):
            frames = rng.random() < 0.5
            whole = sorted(rng.sample(range(400_000), 9))
            times = [n / 30 if frames else n / 30 + rng.random() / 31 for n in whole]
            for index in range(3):
                start, bottom, end = times[3 * index : 3 * index + 3]
                label, subject = rng.choice([0, 1, None]), rng.choice([None, *names])
                faults = tuple(rng.sample(names, rng.randint(0, 3)))
                reference = label == 1 and subject is not None and rng.random() < 0.5
                squats.append(Squat(video, index, start, bottom, end, label, subject, faults, reference))
        write_labels(folder / "labels.yaml", squats)
        known = [replace(one, subject=one.subject and one.subject.strip()) for one in squats]
        assert list(read_labels(folder / "labels.yaml")) == known


def test_the_papers_form_is_written_where_it_can_be(folder: Path) -> None:
    squats = [
        Squat("a.mp4", 0, 1.5, 2.0, 3724.5, 1),
        Squat("a.mp4", 1, 4000.0, 4000.01, 4001.0, 0, "anna", ("too shallow",)),
    ]
    write_labels(folder / "labels.yaml", squats)
    assert (folder / "labels.yaml").read_text() == (
        "a.mp4:\n"
        "- {start: '00:01:15', mid: '00:02:00', end: '01:02:04:15', label: 1}\n"
        "- {start: 4000.0, bottom: 4000.01, end: 4001.0, label: 0, subject: anna, faults: [too shallow]}\n"
    )


SQUAT = "{start: 1, mid: 2, end: 3}"

# What stands in the file, and the whole message but for the file's name.
REFUSED = {
    "": ": the file is empty; map each video's path to its list of squats",
    "# nothing yet\n": ": the file is empty; map each video's path to its list of squats",
    "{}": ": there is no squat in it; map each video's path to its list of squats",
    "- a.mp4": ", line 1: the file must map each video's path to its list of squats",
    "a.mp4:\n\t- start: 1": ", line 2: a tab; indent with spaces",
    "a.mp4: !!python/object/apply:os.system ['true']": (
        ", line 1: the tag tag:yaml.org,2002:python/object/apply:os.system is not allowed; take it out"
    ),
    f"a.mp4: &x [{SQUAT}]\nb.mp4: *x": (
        ", line 2: the alias *x is not allowed; write out what it stands for"
    ),
    "[" * 5000: ", line 1: nested too deep; take out brackets or indentation",
    f"a.mp4: []\nb.mp4: [{SQUAT}]": (
        ", line 1: a.mp4 has no squats; list them, or take the video out of the file"
    ),
    "a.mp4:": ", line 1: a.mp4 has no squats; list them, or take the video out of the file",
    f"a.mp4: {SQUAT}": ", line 1: a.mp4 needs a list of squats, each starting with '- '",
    f"a.mp4: [{SQUAT}]\n./a.mp4: [{SQUAT}]": (
        ", line 2: a.mp4 is on line 1 already; put its squats together"
    ),
    "a.mp4:\n- 1.5": (
        ", line 2, squat 1 of a.mp4: a squat must be a mapping such as {start: 1.0, mid: 2.0, end: 3.0}"
    ),
    f"gym/a.mp4:\n- {SQUAT}\n- start: 00:03:00\n  mid: 00:02:05\n  end: 00:04:00": (
        ", line 4, squat 2 of gym/a.mp4: mid 00:02:05 is before start 00:03:00; "
        "give times in the order start, mid, end"
    ),
    f"a.mp4:\n- {SQUAT}\n- {{start: 2.5, mid: 4, end: 5}}": (
        ", line 3, squat 2 of a.mp4: it starts at 2.5, before the squat of line 2 ends at 3; "
        "squats of one video must not overlap"
    ),
}

# One squat's text, and what the message about it must hold.
BAD_SQUATS = {
    "{start: 1, mid: 2}": "end is missing; a squat needs start, mid (or bottom) and end",
    "{start: 1, end: 2}": "mid is missing",
    "{start: 1, mid: 2, bottom: 2, end: 3}": "mid and bottom mean the same",
    "{start: 1, mid: 2, end: 1.5}": "end 1.5 is before mid 2",
    "{start: 1, mid: 1, end: 1}": "it starts and ends at 1; give it a length",
    "{start: 1, mid: 2, end: 3, start: 1}": "start is given twice",
    "{strat: 1, mid: 2, end: 3}": "unknown key 'strat'; did you mean start?",
    "{start: 1, mid: 2, end: 3, <<: {label: 1}}": "unknown key '<<'; the keys are start, mid",
    "{start: 1, mid: 2, end: 3, label: 2}": "label must be 1 (good) or 0 (bad), or be left out, got '2'",
    "{start: 1, mid: 2, end: 3, label: yes}": "got 'yes'",
    "{start: 1, mid: 2, end: 3, label: true}": "got 'true'",
    "{start: 1, mid: 2, end: 3, label: 1.0}": "got '1.0'",
    "{start: 1, mid: 2, end: 3, label: [1]}": "label must be 1 (good) or 0 (bad), or be left out",
    "{start: 1, mid: '1:5', end: 3}": "mid '1:5': the frame number after the last colon needs two digits",
    "{start: 1, mid: 1:30, end: 3}": "mid '1:30': the frame number 30 must be 00-29",
    "{start: 1, mid: '60:00', end: 99}": "mid '60:00': minutes and seconds must be below 60",
    "{start: 1, mid: '00:60:00:00', end: 99}": "minutes and seconds must be below 60",
    "{start: 1, mid: '1:1:1:1:01', end: 99}": "is no time",
    "{start: -1, mid: 2, end: 3}": "start must be a number of seconds from 0 on, got -1",
    "{start: .nan, mid: 2, end: 3}": "start must be a number of seconds from 0 on, got .nan",
    "{start: 1, mid: 2, end: .inf}": "end must be a number of seconds from 0 on, got .inf",
    "{start: 1, mid: 2, end: 1e9}": "end 1e9 is beyond 100 hours",
    "{start: true, mid: 2, end: 3}": "start 'true' is no time",
    "{start: , mid: 2, end: 3}": "start must be a time",
    "{start: [1], mid: 2, end: 3}": "start must be a time",
    "{start: 1, mid: 2, end: 3, subject: [anna]}": "subject must be a name",
    "{start: 1, mid: 2, end: 3, subject: no}": "subject must be a name; put quotes around it",
    "{start: 1, mid: 2, end: 3, faults: knees}": "faults must be a list of names",
    "{start: 1, mid: 2, end: 3, faults: [{a: 1}]}": "a fault must be a name",
}

BAD_PATHS = {
    "../a.mp4": "must be a path inside",
    "gym/../a.mp4": "must be a path inside",
    "/etc/hostname": "must be a path inside",
    "C:/a.mp4": "must be a path inside",
    "'gym\\a.mp4'": "with forward slashes",
    "http://host/a.mp4": "is an address",
    "file:///a.mp4": "is an address",
    "'rtsp:camera'": "is an address",
    "c.mp4": "there is no video c.mp4 in",
    "gym": "gym is not a file",
    "outside.mp4": "outside.mp4 is a link to a place outside",
    "''": "a video's path is expected",
    "[a.mp4]": "a video's path is expected",
    '"a\\0.mp4"': "a video's path is expected",
    '"a\\ud800.mp4"': "a video's path is expected",
    "x" * 300: "cannot be looked up",
}


def test_every_missing_video_is_named_at_once(folder: Path) -> None:
    text = f"none.mp4: [{SQUAT}]\na.mp4: [{SQUAT}]\ngym/none.mp4: [{SQUAT}]"
    assert refusal(folder, text) == (
        f": there are 2 videos that are not in {folder}: none.mp4 (line 1), gym/none.mp4 (line 3)"
    )


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_name_is_found_in_the_other_unicode_form(folder: Path, form: str) -> None:
    there = unicodedata.normalize(form, "Kniebeuge Größe é.mp4")
    (folder / there).write_bytes(b"video")
    for written in ("NFC", "NFD"):
        (squat,) = read(folder, f"{unicodedata.normalize(written, there)}: [{SQUAT}]")
        assert squat.video == there
    both = "\n".join(f"{unicodedata.normalize(name, there)}: [{SQUAT}]" for name in ("NFC", "NFD"))
    assert "is on line 1 already" in refusal(folder, both)
    mixed = unicodedata.normalize("NFC", "Größe ") + unicodedata.normalize("NFD", "é.mp4")
    (folder / mixed).write_bytes(b"video")
    assert read(folder, f"Größe é.mp4: [{SQUAT}]")[0].video == mixed


@pytest.mark.parametrize("text", REFUSED)
def test_a_bad_file_is_refused(folder: Path, text: str) -> None:
    assert refusal(folder, text) == REFUSED[text]


@pytest.mark.parametrize("squat", BAD_SQUATS)
def test_a_bad_squat_is_refused(folder: Path, squat: str) -> None:
    message = refusal(folder, f"b.mp4:\n- {SQUAT}\na.mp4:\n- {squat}")
    assert message.startswith(", line 4, squat 1 of a.mp4: ")
    assert BAD_SQUATS[squat] in message


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("label: 1, reference: true", "stands for its subject's squats; give it label: 1 and subject: NAME"),
        ("subject: anna, reference: true", "a reference is known to be good"),
        ("subject: anna, label: 0, reference: true", "give it label: 1"),
        ("subject: anna, label: 1, reference: 2", "reference must be true or false, got '2'"),
    ],
)
def test_a_reference_needs_a_subject_and_to_be_good(folder: Path, more: str, message: str) -> None:
    said = refusal(folder, f"a.mp4:\n- {{start: 0, mid: 1, end: 2, {more}}}")
    assert said.startswith(", line 2, squat 1 of a.mp4: ") and message in said


def test_references_are_marked(folder: Path) -> None:
    lines = (
        f"- {{start: {i}, mid: {i}, end: {i}.5, subject: anna, label: 1{more}}}"
        for i, more in enumerate(("", ", reference: true", ", reference: false", ", reference: "))
    )
    squats = read(folder, "a.mp4:\n" + "\n".join(lines))
    assert [squat.reference for squat in squats] == [False, True, False, False]


@pytest.mark.parametrize("name", BAD_PATHS)
def test_a_bad_path_is_refused(folder: Path, tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    outside = tmp_path_factory.mktemp("outside") / "a.mp4"
    outside.write_bytes(b"video")
    (folder / "outside.mp4").symlink_to(outside)
    message = refusal(folder, f"a.mp4:\n- {SQUAT}\n? {name}\n: - {SQUAT}")
    assert message.startswith(", line 3: ")
    assert BAD_PATHS[name] in message


def test_a_file_that_is_no_yaml_is_refused(folder: Path) -> None:
    assert refusal(folder, "a.mp4: [{").startswith(", line 1: not valid YAML: ")
    assert refusal(folder, f"a.mp4: [{SQUAT}]\n---\n").startswith(", line 2: not valid YAML: ")
    assert refusal(folder, b"a.mp4:\n\xff\xfe").startswith(", line 2: not UTF-8 text")
    assert refusal(folder, "a.mp4:\n\0").startswith(", line 2: a control character")
    assert refusal(folder, " " * (16 * 2**20 + 1)).startswith(": is too large for a labels file")


def test_a_byte_order_mark_and_windows_line_ends_are_read(folder: Path) -> None:
    assert len(read(folder, b"\xef\xbb\xbfa.mp4:\r\n- {start: 1, mid: 2, end: 3}\r\n")) == 1


def test_one_person_is_one_however_accents_are_encoded(folder: Path) -> None:
    one, other = (unicodedata.normalize(form, "José") for form in ("NFC", "NFD"))
    lines = "".join(
        f"- {{start: {10 * i}, bottom: {10 * i + 1}, end: {10 * i + 2}, subject: '{name}'}}\n"
        for i, name in enumerate((one, other, f" {one} "))
    )
    assert {squat.subject for squat in read(folder, f"a.mp4:\n{lines}")} == {one}
    assert "subject must be a name" in refusal(
        folder, "a.mp4: [{start: 0, bottom: 1, end: 2, subject: '  '}]"
    )


def test_minutes_that_are_read_as_frames_are_refused(folder: Path) -> None:
    said = refusal(folder, "a.mp4: [{start: '1:20', bottom: '1:22', end: '1:24'}]")
    assert "it lasts 0.13 s" in said and "the last two digits are frames" in said
    assert "digits" not in refusal(folder, "a.mp4: [{start: 1.0, bottom: 1.1, end: 1.2}]")


def test_a_missing_file_and_a_folder_are_refused(folder: Path) -> None:
    with pytest.raises(UserError, match=r"none\.yaml: there is no such labels file"):
        read_labels(folder / "none.yaml")
    with pytest.raises(UserError, match="gym: is a folder"):
        read_labels(folder / "gym")
