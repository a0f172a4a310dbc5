"""What is said where no squat was found."""

from dataclasses import replace

import numpy as np
import pytest

from deepsquat import champion
from deepsquat.pose.mediapipe import MediaPipePose
from deepsquat.predict import result
from deepsquat.predict.advice import why_none
from deepsquat.predict.options import Options
from deepsquat.predict.poses import Estimated, Poses, Reader


def test_a_video_of_too_few_pictures_says_so(lifted: Poses) -> None:
    few = replace(lifted, time=lifted.time * 10)  # one a second
    assert why_none(few, 1.0) == "it has 1.0 pictures a second, and a squat is followed from 5 on"
    assert "pictures a second" not in why_none(few, 10.0)  # in life there are ten


def test_a_body_that_is_hardly_seen_is_why(lifted: Poses) -> None:
    landmarks = lifted.landmarks.copy()
    landmarks[len(landmarks) // 5 :] = np.nan
    assert "a body was followed in 20% of its pictures" in why_none(replace(lifted, landmarks=landmarks), 1.0)


def test_who_stands_still_or_is_not_there_needs_no_reason(lifted: Poses) -> None:
    still = replace(lifted, landmarks=np.repeat(lifted.landmarks[:1], len(lifted.time), axis=0))
    assert why_none(still, 1.0) == ""
    nobody = Poses(*(column[:0] for column in vars(lifted).values()))
    assert why_none(nobody, 1.0) == ""


def test_slow_motion_is_named_and_judged_once_it_is_told(lifted: Poses, tmp_path) -> None:
    slow = Poses(*(np.repeat(column, 8, axis=0) for column in vars(lifted).values()))
    slow = replace(slow, time=np.arange(len(slow.time)) / 10, frame=np.arange(len(slow.time), dtype=np.int32))
    reader, model = Reader(MediaPipePose(), 10, tmp_path), champion.load()

    def judged(poses: Poses, slowed: float) -> result.Result:
        found = Estimated(poses, "", "")
        return result.of(tmp_path, found, reader, model, 0.0, Options(False, False, None, slowed))

    without = judged(slow, 1)
    assert not without.verdicts and "say how many times slower, as slowed=8" in without.none_found
    told, real = judged(slow, 8), judged(lifted, 1)
    assert len(told.verdicts) == len(real.verdicts) == 3 and told.none_found == ""
    for one, other in zip(told.verdicts, real.verdicts, strict=True):
        assert one.bottom / 8 == pytest.approx(other.bottom, abs=0.2)
        assert one.verdict == other.verdict
        assert one.measures["down"] == pytest.approx(other.measures["down"], abs=0.3)
