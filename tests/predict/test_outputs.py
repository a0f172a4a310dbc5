"""What is written of a video where its pictures cannot be had, and where nothing has changed."""

import json
from pathlib import Path

import numpy as np
import pytest

from deepsquat.errors import UserError
from deepsquat.predict import earlier
from deepsquat.predict.options import Options
from deepsquat.predict.outputs import write
from deepsquat.predict.poses import Poses, Wish
from deepsquat.predict.result import Result

OPTIONS = Options(annotated=True, blur_faces=False, height=None)


class Reader:
    """Gives grey pictures, and counts what is asked of it."""

    def __init__(self) -> None:
        self.films, self.broken = 0, False

    def pictures(self, path: Path, poses: Poses, wish: Wish) -> dict[int, np.ndarray]:
        if self.broken:
            raise UserError(f"{path}: a library crashed on it")
        return {number: np.full((wish.height, 270, 3), 90, np.uint8) for number in wish.kept}

    def film(self, out: Path, path: Path, poses: Poses, wish: Wish) -> dict[int, np.ndarray]:
        pictures = self.pictures(path, poses, wish)
        out.write_bytes(b"a film")
        self.films += 1
        return pictures


def test_a_video_that_has_not_changed_is_not_written_again(known: Result, tmp_path: Path) -> None:
    reader = Reader()
    first = write(tmp_path, known, reader, OPTIONS, "one")
    assert first["files"]["annotated.mp4"] == 6 and earlier.is_whole(tmp_path, earlier.found(tmp_path))
    write(tmp_path, known, reader, OPTIONS, "two")
    assert reader.films == 1 and earlier.found(tmp_path)["made_with"] == "two"
    (tmp_path / "annotated.mp4").write_bytes(b"cut")  # of another size: an earlier run was interrupted
    write(tmp_path, known, reader, OPTIONS, "two")
    write(tmp_path, known, reader, Options(True, True, None), "two")
    assert reader.films == 3


def test_a_verdict_stays_where_its_pictures_cannot_be_had(
    known: Result, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reader = Reader()
    write(tmp_path, known, reader, OPTIONS, "one")
    reader.broken = True
    write(tmp_path, known, reader, Options(True, True, None), "two")
    assert capsys.readouterr().err.endswith("a library crashed on it\n")
    found = json.loads((tmp_path / "verdict.json").read_text())
    assert found["annotated"] is None and len(found["repetitions"]) == 3
    # No picture of an earlier run stays, in which faces were not hidden.
    assert not (tmp_path / "annotated.mp4").exists() and "<video" not in (tmp_path / "page.html").read_text()
    assert not earlier.is_whole(tmp_path, found, "annotated.mp4")


@pytest.mark.parametrize("content", ["", "[]", "{", '{"version": 99}', '{"files": 1, "version": 1}'])
def test_a_damaged_verdict_of_an_earlier_run_is_none(content: str, tmp_path: Path) -> None:
    (tmp_path / "verdict.json").write_text(content)
    assert not earlier.is_whole(tmp_path, earlier.found(tmp_path))
