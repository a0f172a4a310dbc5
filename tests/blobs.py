"""A file of images that is made in no time: good squats have a blob above, bad ones below."""

from pathlib import Path

import numpy as np

from deepsquat.images import Images, save
from deepsquat.skeleton import Style

STYLE = Style(height=32, width=24, framing="person")  # as by default


def blobs(path: Path, squats: int = 48) -> Path:
    """Writes the file: three images of each squat, two squats a video."""
    generator = np.random.default_rng(0)
    n = 3 * squats
    number = np.arange(n) // 3
    label = (number % 2).astype(np.int8)
    pictures = generator.integers(0, 40, (n, STYLE.height, STYLE.width, 3)).astype(np.uint8)
    for picture, good in zip(pictures, label, strict=True):
        top = generator.integers(2, 8) + (0 if good else 14)
        picture[top : top + 8, 6:18] = 200
    words = {key: str(value) for key, value in vars(STYLE).items()}
    images = Images(
        images=pictures,
        points=np.zeros((n, 36, 2), np.float32),
        squat=np.array([f"v{k // 2}.mp4#{k % 2}" for k in number]),
        video=np.array([f"v{k // 2}.mp4" for k in number]),
        subject=np.full(n, ""),
        faults=np.full(n, ""),
        label=label,
        frame=np.arange(n, dtype=np.int32) % 3,
        time=(np.arange(n) % 3) / 30,
        fingerprint=np.array("blobs"),
        source=np.array("synthetic"),
        drawn_as=np.array(", ".join(f"{key} {value}" for key, value in words.items())),
    )
    save(path, images)
    return path


def training(file: Path, *more: str) -> list[str]:
    """The words of a training on the file that takes a second after its start."""
    return [
        *("src/train.py", "data=arrays", f"data.file={file}", "tracking=offline", "trainer=cpu"),
        *(f"skeleton.height={STYLE.height}", f"skeleton.width={STYLE.width}", "model=mlp"),
        *("split=by_squat", "split.val=0.25", "split.test=0.25", "optim.batch_size=16", "optim.lr=1e-3"),
        *("trainer.max_epochs=3", *more),
    ]
