"""A squat that cannot be judged says why, and one that can is judged."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from deepsquat import champion
from deepsquat.data.joints.view import View
from deepsquat.data.synthetic.motion import FPS, Motion, filmed_motion
from deepsquat.landmarks import INDEX
from deepsquat.measures import FAULTS, VIEWS
from deepsquat.pose.mediapipe import MediaPipePose
from deepsquat.predict.depth import asking
from deepsquat.predict.judging import Verdict, judged
from deepsquat.predict.poses import Poses
from deepsquat.trainer.form import Form
from lifters import seen


@pytest.fixture(scope="module")
def model() -> champion.Champion:
    return champion.load()


@pytest.fixture(scope="module")
def filmed() -> tuple[Motion, Poses]:
    """Two squats of a made-up person, as an estimator sees them, all of the body in the picture."""
    motion = filmed_motion(3, 1, 1, (1, 1))
    return motion, seen(motion, 1)


class _Plain(torch.nn.Module):
    """Reads one fault, plainly, or none, and nothing else."""

    def __init__(self, fault: str = "") -> None:
        super().__init__()
        self.fault = fault

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        outputs = torch.full((len(images), Form.outputs), -1.0)
        if self.fault:
            outputs[:, FAULTS.index(self.fault)] = 2.0
        return outputs


def told(poses: Poses, model: champion.Champion, margin: float = 0.0) -> list[Verdict]:
    return judged(poses, model, MediaPipePose(), margin)


def scaled(landmarks: np.ndarray, factor: float, x: float = 0.0, y: float = 0.0) -> np.ndarray:
    """The body nearer or farther, and moved over the picture."""
    changed = landmarks.copy()
    changed[..., :2] = 0.5 + factor * (landmarks[..., :2] - 0.5) + (x, y)
    return changed


def test_squats_seen_whole_are_judged(filmed, model) -> None:
    motion, poses = filmed
    verdicts = told(poses, model)
    assert len(verdicts) == len(motion.reps)
    for one in verdicts:
        assert one.verdict == "good" or (one.p_good < model.threshold and one.reasons)
        assert (one.verdict == "bad") == bool(one.faults) and one.measures


def test_a_probability_near_the_threshold_is_no_verdict_and_stays_the_same(filmed, model) -> None:
    _, poses = filmed
    for sure, unsure in zip(told(poses, model), told(poses, model, margin=1.0), strict=True):
        assert unsure.verdict == "cannot_tell" and "too near the limit" in unsure.reasons[0]
        assert unsure.p_good == sure.p_good


def hidden(landmarks: np.ndarray) -> np.ndarray:
    changed = landmarks.copy()
    changed[:, [INDEX["left_knee"], INDEX["right_knee"]], 3] = 0.05
    return changed


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param(lambda seen: scaled(seen, 1.0, x=0.55), "partly out of the picture", id="at the side"),
        pytest.param(lambda seen: scaled(seen, 1.0, y=0.4), "partly out of the picture", id="feet cut off"),
        pytest.param(lambda seen: scaled(seen, 0.15), "too small", id="far away"),
        pytest.param(hidden, "not to be seen", id="legs hidden"),
    ],
)
def test_what_is_not_seen_well_is_said_and_not_judged(change, reason, filmed, model) -> None:
    motion, poses = filmed
    verdicts = told(replace(poses, landmarks=change(poses.landmarks)), model)
    assert len(verdicts) == len(motion.reps)
    for one in verdicts:
        assert one.verdict == "cannot_tell" and one.p_good is None and not one.faults
        assert any(reason in said for said in one.reasons), one.reasons


def test_where_two_people_squat_none_is_judged(filmed, model) -> None:
    _, poses = filmed
    for one in told(replace(poses, lifters=poses.lifters + 1), model):
        assert one.verdict == "cannot_tell" and "more than one person squats" in one.reasons[0]


def test_a_side_that_the_network_never_saw_is_said(filmed, model) -> None:
    _, poses = filmed
    yaws = [one.view for one in told(poses, model)]
    assert None not in yaws
    narrow = replace(model, views={"yaw": (200.0, 201.0)})
    for one in told(poses, narrow):
        assert one.verdict == "cannot_tell" and "a side that the network has not learned" in one.reasons[0]


def from_a_height(height: float, distance: float) -> list[str]:
    """Why six people's squats are not told."""
    view = View(height=(height, height), distance=(distance, distance), fill=(0.5, 0.7))
    shown = [seen(filmed_motion(31, number, number, (1, 0)), number, view) for number in range(3)]
    return [reason for poses in shown for one in told(poses, champion.load()) for reason in one.reasons]


def test_a_camera_high_above_is_said_and_one_at_the_hips_is_not() -> None:
    above = from_a_height(3.5, 2.5)
    assert sum("looks down on the lifter" in reason for reason in above) >= 3
    assert not any("the camera" in reason for reason in from_a_height(1.0, 3.0))


@pytest.mark.parametrize(("degrees", "is_said"), [(0, False), (4, False), (20, True), (-25, True)])
def test_a_picture_that_is_turned_is_said(degrees: int, is_said: bool, filmed, model) -> None:
    _, poses = filmed
    aspect, angle = float(poses.aspect[0]), np.deg2rad(degrees)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    landmarks = scaled(poses.landmarks, 0.7)
    landmarks[..., :2] = 0.5 + (landmarks[..., :2] - 0.5) * (aspect, 1.0) @ turn / (aspect, 1.0)
    verdicts = told(replace(poses, landmarks=landmarks), model)
    assert verdicts
    for one in verdicts:
        assert any("the picture is turned" in reason for reason in one.reasons) == is_said


def test_what_cannot_be_read_from_where_the_camera_stands_is_left_out(filmed, model) -> None:
    _, poses = filmed
    blind = {view: {"error": 1.0, "explained": 0.1} for view in VIEWS}
    for one in told(poses, replace(model, errors={**model.errors, "depth": blind})):
        assert "depth" in one.unseen and "depth" not in one.measures and "too_shallow" not in one.faults
        assert "lean" in one.measures


def test_a_fault_within_the_error_of_its_measure_is_not_named(filmed, model) -> None:
    _, poses = filmed
    strict = replace(model.target, limits=replace(model.target.limits, lean=-90.0))
    sure = {"lean": {view: {"error": 0.0, "explained": 1.0} for view in VIEWS}}
    unsure = {"lean": {view: {"error": 500.0, "explained": 1.0} for view in VIEWS}}
    standards = {"usual": champion.Standard(strict.limits, model.threshold)}
    leaning = replace(model, target=strict, network=_Plain("leaning"), standards=standards)
    for one in told(poses, replace(leaning, errors=sure)):
        assert one.faults[0] == "leaning" and "the trunk leans far forward" in one.reasons[0]
    for one in told(poses, replace(leaning, errors=unsure)):
        assert one.verdict == "cannot_tell" and one.faults == ()
        assert one.reasons[0].startswith("no single fault is sure")


def test_what_looks_good_with_a_plain_fault_is_not_told(filmed, model) -> None:
    _, poses = filmed
    strict = replace(model.target, limits=replace(model.target.limits, lean=-90.0))
    sure = {"lean": {view: {"error": 0.0, "explained": 1.0} for view in VIEWS}}
    standards = {"usual": champion.Standard(strict.limits, 0.0)}
    good = replace(model, target=strict, network=_Plain("leaning"), standards=standards, threshold=0.0)
    for one in told(poses, replace(good, errors=sure)):
        assert one.verdict == "cannot_tell" and one.faults == ("leaning",)
        assert one.reasons[0].startswith(
            "it looks good as a whole, but for one fault: the trunk leans far forward"
        )
    for one in told(poses, replace(good, errors=sure, needs_a_fault=False)):  # beside a good one of theirs
        assert one.verdict == "good" and not one.faults


def test_a_reason_has_what_was_read_and_what_is_asked(filmed, model) -> None:
    _, poses = filmed
    strict = replace(model.target, limits=replace(model.target.limits, lean=-90.0))
    sure = {"lean": {view: {"error": 0.0, "explained": 1.0} for view in VIEWS}}
    standards = {"usual": champion.Standard(strict.limits, 0.5)}
    leaning = replace(model, target=strict, network=_Plain("leaning"), standards=standards)
    for one in told(poses, replace(leaning, errors=sure)):
        assert one.reasons[0] == (
            f"the trunk leans far forward (trunk from the vertical: {one.measures['lean']:.0f}°; "
            "good is at most -90°)"
        )


def test_faults_are_those_of_the_standard_that_is_judged_by(filmed, model) -> None:
    """A network that reads all measures near their means, and no fault by the standard that it learned."""
    _, poses = filmed
    asks = champion.Standard(replace(model.target.limits, lean=20.0), 1.0)
    errors = {"lean": {view: {"error": 1.0, "explained": 1.0} for view in VIEWS}}
    calm = replace(model, network=_Plain(), errors=errors, standards={**model.standards, "upright": asks})
    for one in told(poses, replace(calm, threshold=1.0)):
        assert "leaning" not in one.faults
    for one in told(poses, champion.held_to(calm, "upright")):
        assert "leaning" in one.faults and one.verdict == "bad"


def test_the_depth_that_is_asked_for_changes_the_probability_and_the_fault(filmed, model) -> None:
    _, poses = filmed
    found = {depth: told(poses, asking(model, depth)) for depth in (-30, -5, "parallel", "below", 40)}
    for little, level, much in zip(found[-30], found["parallel"], found[40], strict=True):
        assert little.p_good is not None and level.p_good is not None and much.p_good is not None
        assert little.p_good >= level.p_good > much.p_good
        assert "too_shallow" not in little.faults and "too_shallow" in much.faults
        assert "at most -32%" in next(reason for reason in much.reasons if "hips stay too high" in reason)
    own = model.limits.depth
    same = asking(model, float(np.rad2deg(np.arcsin(-own / 0.5))))
    for one, other in zip(told(poses, model), told(poses, same), strict=True):
        assert one.p_good == pytest.approx(other.p_good, abs=0.15)  # read in one way, and in another


def test_another_depth_keeps_the_rest_of_a_standard(model) -> None:
    strict = champion.held_to(model, "strict")
    below = asking(strict, "below")
    assert below.limits.depth == pytest.approx(-0.5 * np.sin(np.deg2rad(10)))
    assert below.limits.lean == strict.limits.lean and below.threshold == strict.threshold
    assert below.standard == "strict, depth below"


def test_beside_a_reference_a_squat_is_bad_without_a_plain_fault_too(filmed, model) -> None:
    _, poses = filmed
    worse = champion.compared_to(replace(model, network=_Plain()), [50.0])
    for one in told(poses, worse):
        assert one.verdict == "bad" and not one.faults
        assert one.reasons[0].startswith("no single fault is sure")


def test_poses_that_were_dropped_are_said(filmed, model) -> None:
    motion, poses = filmed
    first = motion.reps[0]
    landmarks, reason = poses.landmarks.copy(), poses.reason.astype(object)
    away = np.abs(poses.time - first.bottom / FPS) > 0.15
    inside = (poses.time > first.start / FPS) & (poses.time < first.end / FPS)
    lost = np.flatnonzero(away & inside)
    lost = lost[np.arange(len(lost)) % 4 != 0]  # no gap is too long to be bridged
    landmarks[lost], reason[lost] = np.nan, "a leap"
    one = told(replace(poses, landmarks=landmarks, reason=reason.astype(str)), model)[0]
    assert one.verdict == "cannot_tell" and one.reasons == ("too few of its poses can be trusted",)


def test_a_squat_that_the_clip_cuts_off_is_partial_and_has_no_time_for_it(filmed, model) -> None:
    motion, poses = filmed
    last = motion.reps[-1].bottom / FPS + 0.2
    some = poses.time <= last
    columns = {name: getattr(poses, name)[some] for name in Poses.__dataclass_fields__}
    one = told(Poses(**columns), model)[-1]
    assert one.partial and one.end is None and one.start is not None
    assert one.verdict == "cannot_tell" and "only a part of this squat" in one.reasons[0]


def test_where_no_frame_was_decoded_there_is_no_verdict(filmed, model) -> None:
    _, poses = filmed
    none = {name: getattr(poses, name)[:0] for name in Poses.__dataclass_fields__}
    assert told(Poses(**none), model) == []
