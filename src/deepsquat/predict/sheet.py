"""A picture to look at: the bottom of every squat, with the skeleton and the verdict."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from deepsquat.data.squats import Squat, rows_of
from deepsquat.files import written_whole
from deepsquat.predict.judging import Verdict
from deepsquat.predict.poses import Poses, Reader
from deepsquat.skeleton import Style, draw, pixels

HEIGHT = 480  # pixels of a picture
BAR = 60  # pixels of the two lines above it
MOST = 12  # pictures
COLUMNS = 4
_COLOURS = {"good": (40, 130, 60), "bad": (180, 50, 40), "cannot_tell": (90, 90, 90)}


def write(
    path: Path, video: Path, poses: Poses, verdicts: Sequence[Verdict], reader: Reader, most: int = MOST
) -> bool:
    """Writes a PNG of the first squats, at most so many; False where there is none to show."""
    import cv2

    shown = [(i, one, one.bottom) for i, one in enumerate(verdicts) if one.bottom is not None][:most]
    rows = [int(np.argmin(np.abs(poses.time - bottom))) for *_, bottom in shown]
    if not shown:
        return False
    numbers = sorted({int(poses.frame[row]) for row in rows})
    pictures = reader.pictures(video, numbers, 2 * HEIGHT)
    tiles = [
        _tile(pictures[int(poses.frame[row])], poses, row, f"squat {i + 1}", verdict)
        for (i, verdict, _), row in zip(shown, rows, strict=True)
    ]
    width = max(tile.shape[1] for tile in tiles)
    tiles = [np.pad(tile, ((0, 6), (0, width + 6 - tile.shape[1]), (0, 0))) for tile in tiles]
    columns = min(COLUMNS, len(tiles))
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % columns)
    lines = [np.concatenate(tiles[k : k + columns], axis=1) for k in range(0, len(tiles), columns)]
    _, content = cv2.imencode(".png", np.concatenate(lines)[..., ::-1])
    with written_whole(path) as temporary:
        temporary.write_bytes(content.tobytes())
    return True


def _tile(picture: np.ndarray | None, poses: Poses, row: int, name: str, verdict: Verdict) -> np.ndarray:
    """(BAR + HEIGHT, W, 3): the picture, grey where it cannot be decoded, under what is said of it."""
    import cv2

    width = max(round(HEIGHT * float(poses.aspect[row])), 200)
    shown = np.full((HEIGHT, width, 3), 90, np.uint8)
    if picture is not None:
        shown[:] = cv2.resize(picture, (width, HEIGHT), interpolation=cv2.INTER_AREA)
    if not np.isnan(poses.landmarks[row, 0, 0]):
        style = Style(HEIGHT, width, 3)
        squat = Squat("", 0, 0.0, 0.0, 0.0, None)
        one = slice(row, row + 1)
        offset = np.zeros(1)
        table = rows_of(
            squat, poses.frame[one], poses.time[one], offset, poses.aspect[one], poses.landmarks[one]
        )
        limbs = draw(pixels(table, style), style)[0]
        drawn = limbs.any(axis=-1)
        shown[drawn] = limbs[drawn]
    bar = np.full((BAR, width, 3), _COLOURS.get(verdict.verdict, _COLOURS["cannot_tell"]), np.uint8)
    said = verdict.verdict.replace("_", " ")
    if verdict.p_good is not None:
        said += f", {verdict.p_good:.0%} good"
    for line, text in enumerate((f"{name}, {verdict.bottom:.1f} s", said)):
        place = (8, 24 + 26 * line)
        cv2.putText(bar, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.6, (255, 255, 255), 1, cv2.LINE_AA)
    return np.concatenate([bar, shown])
