"""The pictures of the bottoms."""

import numpy as np

from deepsquat.landmarks import INDEX
from deepsquat.predict import sheet
from deepsquat.predict.drawing import AIM
from deepsquat.predict.result import Result


def test_a_squat_that_is_too_shallow_shows_how_far_down_the_hips_should_come(known: Result) -> None:
    poses, bottoms = known.poses, [verdict.bottom for verdict in known.verdicts]
    numbers = sheet.frames(poses, bottoms)
    width = round(sheet.HEIGHT * float(poses.aspect[0]))
    pictures = {number: np.zeros((sheet.HEIGHT, width, 3), np.uint8) for number in numbers.values()}
    shown = sheet.drawn(poses, numbers, pictures, {0: "too_shallow", 1: "leaning", 2: ""})
    rows = {
        place: np.flatnonzero((picture == AIM).all(axis=2).any(axis=1)) for place, picture in shown.items()
    }
    assert not len(rows[1]) and not len(rows[2])
    at = poses.landmarks[poses.frame == numbers[0]][0, :, 1] * sheet.HEIGHT
    hips, knees = (
        np.mean([at[INDEX[f"{s}_{joint}"]] for s in ("left", "right")]) for joint in ("hip", "knee")
    )
    assert rows[0].max() >= knees - 2
    assert abs(rows[0].min() - min(hips, knees)) < 8
