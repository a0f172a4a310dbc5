import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, make_dataclass, replace
from pathlib import Path

import numpy as np
import pytest

import deepsquat
from deepsquat.data.squats import Drops, FrameChoice, LabelledVideos
from deepsquat.errors import UserError
from deepsquat.landmarks import LandmarkTable
from deepsquat.pose.mediapipe import MediaPipePose
from deepsquat.pose.table import Prepared, prepare
from poses import Videos, program, with_bundle


@dataclass
class Table:
    table: LandmarkTable
    made: int = 0

    def inputs(self) -> dict[str, str]:
        return {"rows": str(len(self.table))}

    def landmark_table_and_drops(self) -> tuple[LandmarkTable, Drops]:
        self.made += 1
        return self.table, Drops({"a#0: a marker is lost": 2}, {"b#1": "the file is empty"})


def test_every_squat_has_its_frames_with_landmarks_that_are_those_of_a_person(
    prepared: Prepared, videos: LabelledVideos
) -> None:
    table = prepared.table
    assert [str(name) for name in dict.fromkeys(table.squat)] == [squat.id for squat in videos.squats]
    assert prepared.manifest["frames_tried"] == 3 * len(videos.squats)
    assert prepared.manifest["frames"] == len(table) > 2.5 * len(videos.squats)
    assert set(prepared.manifest["inputs"]["videos"]) == {squat.video for squat in videos.squats}
    labels = {squat.id: squat.label for squat in videos.squats}
    assert [labels[name] for name in table.squat] == table.label.tolist()
    assert np.abs(table.offset).max() < 0.12
    assert np.isfinite(table.landmarks).all()
    assert table.landmarks.dtype == np.float32
    assert np.median(table.landmarks[..., 3]) > 0.9


def test_one_worker_or_two_write_the_same_bytes_and_a_quiet_stderr(
    prepared: Prepared,
    videos: LabelledVideos,
    bundle_folder: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    folder = with_bundle(tmp_path, bundle_folder)
    again = prepare(Videos(videos), MediaPipePose(workers=1), folder)
    assert again.fingerprint == prepared.fingerprint
    assert again.path.read_bytes() == prepared.path.read_bytes()
    out, err = capfd.readouterr()
    assert re.fullmatch(
        r"Landmark table: 2 videos, 6 squats, \d+ frames, made in \d+ s: .*\.parquet\n.*", out, re.S
    )
    rest = re.sub(r"\rPoses: [^\r\n]*|\r +|\r", "", err)
    assert rest.strip() == "", "only the bar is for the user"


def test_a_second_run_finds_the_table(
    prepared: Prepared, videos: LabelledVideos, offline: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = prepare(Videos(videos), MediaPipePose(workers=1), offline)
    assert found.fingerprint == prepared.fingerprint
    assert found.manifest == json.loads(json.dumps(prepared.manifest))
    np.testing.assert_array_equal(found.table.landmarks, prepared.table.landmarks)
    assert capsys.readouterr().out.count("\n") == 1


def test_a_cached_table_needs_neither_mediapipe_nor_a_decoder(
    prepared: Prepared, videos: LabelledVideos, data: Path
) -> None:
    script = (
        program(videos, data)
        + """
    print([name for name in ("mediapipe", "av", "cv2", "torch", "pandas") if name in sys.modules])
"""
    )
    environment = os.environ | {"PYTHONPATH": str(Path(deepsquat.__file__).parents[1])}
    result = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
    assert "found as" in result.stdout, result.stderr
    assert result.stdout.endswith("[]\n")


def test_another_label_needs_no_estimation(prepared: Prepared, videos: LabelledVideos, offline: Path) -> None:
    first = replace(videos.squats[0], label=None, subject="anna", faults=("too shallow", "knees in"))
    changed = prepare(Videos(replace(videos, squats=(first, *videos.squats[1:]))), MediaPipePose(), offline)
    assert changed.fingerprint != prepared.fingerprint
    rows = changed.table.squat == first.id
    assert set(changed.table.label[rows]) == {-1}
    assert set(changed.table.subject[rows]) == {"anna"}
    assert set(changed.table.faults[rows]) == {"too shallow+knees in"}
    np.testing.assert_array_equal(changed.table.landmarks, prepared.table.landmarks)


def test_a_squat_more_or_less_costs_no_more_than_its_own_poses(
    prepared: Prepared, videos: LabelledVideos, offline: Path, bundle_folder: Path
) -> None:
    video = videos.squats[0].video
    kept = [squat for squat in videos.squats[1:] if squat.video == video]
    fewer = tuple(replace(squat, index=number) for number, squat in enumerate(kept))
    less = prepare(Videos(replace(videos, squats=fewer)), MediaPipePose(), offline)  # there is no bundle
    rows = np.isin(prepared.table.squat, [squat.id for squat in kept])
    np.testing.assert_array_equal(less.table.landmarks, prepared.table.landmarks[rows])
    assert list(dict.fromkeys(less.table.squat)) == [squat.id for squat in fewer]

    with_bundle(offline, bundle_folder)
    before = set((offline / "landmarks" / "spans").iterdir())
    longer = replace(fewer[0], end=fewer[0].end + 0.1)
    prepare(Videos(replace(videos, squats=(longer, *fewer[1:]))), MediaPipePose(workers=1), offline)
    assert len(set((offline / "landmarks" / "spans").iterdir()) - before) == 1


def test_fewer_frames_than_wanted_are_said(
    videos: LabelledVideos, bundle_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = replace(videos, squats=videos.squats[:1], frames=FrameChoice(each_side=2, step=1 / 60))
    result = prepare(Videos(one), MediaPipePose(workers=1), with_bundle(tmp_path, bundle_folder))
    assert result.manifest["of_squats"][one.squats[0].id]["frames"] == len(result.table) == 3
    said = f"Fewer frames than wanted in 1 squats, as the frame rate is low: 3 of 5 in {one.squats[0].id}"
    assert said in capsys.readouterr().out


def test_an_option_of_what_is_dropped_makes_another_table_without_estimation(
    prepared: Prepared, videos: LabelledVideos, offline: Path
) -> None:
    stricter = prepare(Videos(videos), MediaPipePose(min_visibility=0.3), offline)
    assert stricter.fingerprint != prepared.fingerprint
    with pytest.raises(
        UserError, match=r"none of the 6 squats can be used; the first, .*pose\.min_visibility"
    ):
        prepare(Videos(videos), MediaPipePose(min_visibility=1.0), offline)


def test_other_frames_or_another_video_need_estimation(
    videos: LabelledVideos, offline: Path, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match="pip download"):
        prepare(Videos(replace(videos, frames=FrameChoice(each_side=0))), MediaPipePose(), offline)
    copy = tmp_path / "copy"
    shutil.copytree(videos.root, copy)
    prepare(Videos(replace(videos, root=copy)), MediaPipePose(), offline)  # elsewhere, but the same bytes
    with (copy / videos.squats[0].video).open("ab") as file:
        file.write(b"\0\0\0\x08free")
    with pytest.raises(UserError, match="pip download"):
        prepare(Videos(replace(videos, root=copy)), MediaPipePose(), offline)


def test_a_source_that_knows_the_landmarks_is_asked_once(
    prepared: Prepared, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = Table(prepared.table)
    made = prepare(source, MediaPipePose(), tmp_path)
    out = capsys.readouterr().out
    assert "Dropped frames: 2 (a#0: a marker is lost)" in out
    assert "Dropped squats, 1 of 7: b#1: the file is empty" in out
    found = prepare(source, MediaPipePose(min_frames=5), tmp_path)
    assert source.made == 1
    assert found.fingerprint == made.fingerprint
    np.testing.assert_array_equal(found.table.landmarks, made.table.landmarks)


def test_a_reference_goes_into_the_table_and_a_table_of_before_has_none(
    videos: LabelledVideos, tmp_path: Path
) -> None:
    from deepsquat.pose.inputs import video_inputs
    from deepsquat.pose.storage import read_columns, write_columns

    marked = (replace(videos.squats[0], label=1, subject="anna", reference=True), *videos.squats[1:])
    plain = video_inputs(videos, MediaPipePose(), tmp_path)["squats"]
    other = video_inputs(replace(videos, squats=marked), MediaPipePose(), tmp_path)["squats"]
    assert other[0] != plain[0] and other[1:] == plain[1:]
    assert all(
        len(row) == 8 for row in plain
    )  # as before there were references, so that what was kept is found

    squats = np.array(["a#0", "a#0"])
    table = LandmarkTable(
        squat=squats,
        video=squats,
        subject=squats,
        faults=squats,
        label=np.zeros(2, np.int8),
        frame=np.zeros(2, np.int32),
        time=np.zeros(2),
        offset=np.zeros(2),
        aspect=np.ones(2, np.float32),
        landmarks=np.zeros((2, 33, 4), np.float32),
    )
    rows = {name: column for name, column in vars(table).items() if name != "reference"}
    write_columns(tmp_path / "old.parquet", make_dataclass("Old", list(rows))(**rows))
    assert not read_columns(LandmarkTable, tmp_path / "old.parquet").reference.any()
