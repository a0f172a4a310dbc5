"""Pictures to look at: the bottom of every squat, with the skeleton and the verdict."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from deepsquat.files import written_whole
from deepsquat.predict.between import Between
from deepsquat.predict.captions import COLOURS, WORDS, Caption, chance, named, shown_in
from deepsquat.predict.drawing import Band, draw_depth, draw_skeleton
from deepsquat.predict.judging import Verdict
from deepsquat.predict.poses import Poses
from deepsquat.predict.tables import numbers

HEIGHT = 480  # pixels of a picture
TEXT = 17  # pixels of a line above it
MOST = 24  # pictures
COLUMNS = 4
GAP = 6  # pixels between two
GREY = 90  # in the place of a picture that cannot be decoded


def frames(poses: Poses, bottoms: Sequence[float | None], most: int = MOST) -> dict[int, int]:
    """By the squat's place, the number of the frame at its bottom, a time in seconds; so many at most."""
    known = [(i, bottom) for i, bottom in enumerate(bottoms) if bottom is not None]
    return {i: int(poses.frame[np.argmin(np.abs(poses.time - bottom))]) for i, bottom in known[:most]}


def drawn(
    poses: Poses,
    numbers: Mapping[int, int],
    pictures: Mapping[int, np.ndarray],
    faults: Mapping[int, str],
    below: float = 0.0,
) -> dict[int, np.ndarray]:
    """By the squat's place, (HEIGHT, W, 3) uint8 RGB with the skeleton.

    numbers: of the frames, by place. pictures: by the frame's number, HEIGHT high. faults: the one that is
    shown, by place; "" for none. below: as `drawing.draw_depth` has it.
    """
    at, found = Between(poses).at, {}
    for i, number in numbers.items():
        width = max(1, round(HEIGHT * float(poses.aspect[0])))
        picture = pictures.get(number, np.full((HEIGHT, width, 3), GREY, np.uint8)).copy()
        if (landmarks := at(float(poses.time[poses.frame == number][0]))) is not None:
            fault = faults.get(i, "")
            draw_skeleton(picture, landmarks, shown_in(fault))
            if fault == "too_shallow":
                draw_depth(picture, landmarks, below)
        found[i] = picture
    return found


def captions_of(verdicts: Sequence[Verdict]) -> dict[int, Caption]:
    """What stands over each squat that has a bottom, by its place."""
    numbered = numbers(verdict.partial for verdict in verdicts)
    return {i: _caption(numbered[i], one) for i, one in enumerate(verdicts) if one.bottom is not None}


def write(path: Path, shown: Mapping[int, np.ndarray], captions: Mapping[int, Caption]) -> None:
    """Writes a PNG of the squats; nothing where there is none to show, and takes an earlier one away.

    shown, captions: by the squat's place.
    """
    import cv2

    if not shown:
        path.unlink(missing_ok=True)
        return
    width = max(220, *(picture.shape[1] for picture in shown.values()))
    band = Band(width, TEXT, [captions[i] for i in shown])
    tiles = [np.concatenate([band.drawn(captions[i]), _wide(picture, width)]) for i, picture in shown.items()]
    tiles = [np.pad(tile, ((0, GAP), (0, GAP), (0, 0))) for tile in tiles]
    columns = min(COLUMNS, len(tiles))
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % columns)
    lines = [np.concatenate(tiles[k : k + columns], axis=1) for k in range(0, len(tiles), columns)]
    _, content = cv2.imencode(".png", np.concatenate(lines)[..., ::-1])
    with written_whole(path) as temporary:
        temporary.write_bytes(content.tobytes())


def jpeg(picture: np.ndarray) -> bytes:
    """Of a picture (H, W, 3) uint8 RGB."""
    import cv2

    _, content = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 82])
    return bytes(content.tobytes())


def _wide(picture: np.ndarray, width: int) -> np.ndarray:
    return np.pad(picture, ((0, 0), (0, width - picture.shape[1]), (0, 0)))


def _caption(number: int | None, verdict: Verdict) -> Caption:
    said = [f"{verdict.bottom:.1f} s"]
    if verdict.p_good is not None:
        said.append(chance(verdict.p_good))
    title = f"{named(number)}: {WORDS[verdict.verdict]}"
    return Caption(0.0, title, (", ".join(said),), COLOURS[verdict.verdict])
