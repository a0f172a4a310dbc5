"""Damaged videos never end the program that reads them: a pose series or a line comes back of each.

MUTATED=1000 says of how many; `make mutated` does.
"""

import os
from contextlib import closing
from pathlib import Path

import av
import numpy as np
import pytest

from deepsquat.errors import UserError
from deepsquat.pose.mediapipe import MediaPipePose
from deepsquat.predict.poses import Reader

MANY = int(os.environ.get("MUTATED", "12"))


@pytest.fixture(scope="module")
def clips(corpus, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Two seconds of somebody who squats, small: in a file that its index holds together, and in a stream."""
    source, found = corpus.root / corpus.squats[0].video, {}
    for ending in (".mp4", ".ts"):
        path = tmp_path_factory.mktemp("clip") / f"clip{ending}"
        with av.open(str(source)) as film, av.open(str(path), "w") as short:
            stream = short.add_stream("libx264", rate=30)
            stream.width, stream.height, stream.pix_fmt = 180, 320, "yuv420p"
            for frame, _ in zip(film.decode(video=0), range(60), strict=False):
                small = frame.reformat(180, 320)
                small.pts = None
                short.mux(stream.encode(small))
            short.mux(stream.encode())
        found[ending] = path.read_bytes()
    return found


def mutated(content: bytes, seed: int) -> bytes:
    """A clip of which bytes were changed, taken out, put in, doubled or cut off."""
    rng = np.random.default_rng(seed)
    changed = bytearray(content)
    for _ in range(int(rng.integers(1, 4))):
        at, size = int(rng.integers(len(changed))), int(2 ** rng.uniform(0, 10))
        kind = rng.integers(5)
        if kind == 0:
            for i in rng.integers(len(changed), size=min(size, 64)):
                changed[i] = int(rng.integers(256))
        elif kind == 1:
            del changed[at : at + size]
        elif kind == 2:
            changed[at:at] = rng.bytes(size)
        elif kind == 3:
            changed[at:at] = changed[at : at + size]
        elif len(changed) > 64:
            del changed[max(64, at) :]
    return bytes(changed)


@pytest.mark.timeout(3600)
def test_a_damaged_video_is_poses_or_a_line(clips: dict[str, bytes], home: Path, tmp_path: Path) -> None:
    read = refused = 0
    with closing(Reader(MediaPipePose(), 5, home / "data")) as reader:
        for seed in range(MANY):
            ending = (".mp4", ".ts")[seed % 2]
            path = tmp_path / f"{seed}{ending}"
            path.write_bytes(mutated(clips[ending], seed))
            try:
                poses = reader.poses(path).poses
            except UserError as error:
                assert str(path) in str(error) and "\n" not in str(error)
                refused += 1
            else:
                assert len(poses.time) == len(poses.landmarks) > 0 and (np.diff(poses.time) > 0).all()
                read += 1
            path.unlink()
    assert read and refused, (read, refused)
