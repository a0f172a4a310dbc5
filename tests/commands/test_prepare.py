"""What a user sees of src/prepare.py where something of the data is bad or damaged."""

import os
from pathlib import Path

from deepsquat.data.squats import LabelledVideos, Squat
from deepsquat.data.videos.annotations import write_labels
from program import Command


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_a_bad_video_and_damaged_files_do_not_stop_the_others(
    command: Command, corpus: LabelledVideos, home: Path, tmp_path: Path
) -> None:
    root, exported = tmp_path / "mine", tmp_path / "squats.npz"
    (root / "videos").mkdir(parents=True)
    for video in {squat.video for squat in corpus.squats}:
        os.link(corpus.root / video, root / video)
    (root / "letter.mp4").write_text("This is a letter, not a video.\n")
    write_labels(root / "labels.yaml", [*corpus.squats, Squat("letter.mp4", 0, 0.0, 1.0, 2.0, 1)])
    prepare = ["src/prepare.py", "data=videos", f"data.root={root}"]
    first = command(*prepare)
    assert first.returncode == 0, first.stderr
    assert "Dropped squats, 1 of 16: letter.mp4#0: is no video; give a video file" in first.stdout
    table = Path(first.stdout.splitlines()[0].rpartition(": ")[2])
    whole = table.read_bytes()

    flip(table)
    second = command(*prepare, f"export={exported}")
    assert second.returncode == 0, second.stderr
    assert second.stdout.startswith(f"{table}: its checksum does not fit") and "made again" in second.stdout
    assert table.read_bytes() == whole

    flip(exported)
    trained = command("src/train.py", "data=arrays", f"data.file={exported}")
    assert trained.returncode == 2
    assert len(trained.stderr.splitlines()) == 1
    assert f"error: {exported}: its checksum does not fit" in trained.stderr

    (root / "letter.mp4").unlink()
    missing = command(*prepare)
    assert missing.returncode == 2
    assert f"there is no video letter.mp4 in {root}" in missing.stderr
