"""Draws the README's picture, docs/verdict.jpg: python docs/pictures.py"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))

import av  # noqa: E402
import cv2  # noqa: E402
import numpy as np  # noqa: E402

from deepsquat.data.squats import FrameChoice  # noqa: E402
from deepsquat.data.synthetic.source import SyntheticSquats  # noqa: E402

SEED = 2  # somebody who squats well and badly, seen half from the front
HEIGHT = 520  # pixels


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        films = SyntheticSquats(
            root=folder, videos=1, squats=6, frames=FrameChoice(), seed=SEED, people="various"
        ).collect()
        video = films.root / films.squats[0].video
        out = Path(folder) / "out"
        subprocess.run([sys.executable, str(ROOT / "src/predict.py"), str(video), f"out={out}"], check=True)
        (found,) = out.rglob("verdict.json")
        told = json.loads(found.read_text())["repetitions"]
        chosen = [next(one for one in told if one["verdict"] == kind) for kind in ("good", "bad")]
        pictures = [frame_at(found.parent / "annotated.mp4", one["bottom"]) for one in chosen]
    wide = np.concatenate([np.pad(p, ((0, 0), (0, 8), (0, 0)), constant_values=255) for p in pictures], axis=1)
    cv2.imwrite(str(ROOT / "docs" / "verdict.jpg"), wide[:, :-8, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 80])


def frame_at(path: Path, seconds: float) -> np.ndarray:
    """(HEIGHT, W, 3) uint8 RGB."""
    with av.open(str(path)) as container:
        frame = next(f for f in container.decode(video=0) if f.time is not None and f.time >= seconds)
        picture = frame.to_ndarray(format="rgb24")
    width = round(picture.shape[1] * HEIGHT / picture.shape[0])
    return np.asarray(cv2.resize(picture, (width, HEIGHT), interpolation=cv2.INTER_AREA))


if __name__ == "__main__":
    main()
