"""A small data set in the format of UI-PRMD, as a folder and as a zip."""

import zipfile
from pathlib import Path

import pytest

from recordings import CORRECT, INCORRECT, as_text, squatting_markers, write


@pytest.fixture(scope="module")
def text() -> str:
    return as_text(squatting_markers())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, text: str) -> Path:
    names = [CORRECT.format("s01", 1), CORRECT.format("s01", 10), CORRECT.format("s07", 2)]
    names += [INCORRECT.format("s01", 1), INCORRECT.format("s10", 3)]
    files = dict.fromkeys(names, text)
    # The whole download has more beside it, some under the very same names.
    files[CORRECT.format("s01", 1).replace("Vicon", "Kinect")] = "1,2,3\n"
    files[CORRECT.format("s01", 1).replace("m01", "m02")] = "1,2,3\n"
    return write(tmp_path_factory.mktemp("download") / "UI-PRMD", files)


@pytest.fixture(scope="module")
def archive(folder: Path) -> Path:
    path = folder.parent / "download.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for member in sorted(folder.rglob("*.txt")):
            file.write(member, member.relative_to(folder).as_posix())
    return path
