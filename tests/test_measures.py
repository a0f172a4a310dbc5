"""Measures of a stick figure whose joints are set by hand."""

import math

import numpy as np
import pytest

from deepsquat.errors import UserError
from deepsquat.landmarks import INDEX
from deepsquat.measures import FAULTS, Limits, faulty, measured

# One side of a squat with level thighs and flat feet: (left, up, forward) in metres.
SIDE = {
    "shoulder": (0.20, 0.95, 0.0),
    "hip": (0.10, 0.45, -0.30),
    "knee": (0.20, 0.45, 0.10),
    "ankle": (0.15, 0.05, 0.0),
    "heel": (0.15, 0.02, -0.05),
    "foot_index": (0.15, 0.02, 0.15),
}


def figure(**changed: tuple[float, float, float]) -> np.ndarray:
    """(1, 33, 3): the right side mirrors the left."""
    joints = np.zeros((1, 33, 3))
    for name, place in {**SIDE, **changed}.items():
        joints[0, INDEX[f"left_{name}"]] = place
        joints[0, INDEX[f"right_{name}"]] = np.multiply(place, (-1, 1, 1))
    return joints


def test_the_measures_are_those_worked_out_by_hand() -> None:
    found = measured(figure())
    leg = math.sqrt(0.1**2 + 0.4**2) + math.sqrt(0.05**2 + 0.4**2 + 0.1**2)
    assert found.depth == pytest.approx(0.0)
    assert found.lean == pytest.approx(math.degrees(math.atan2(0.30, 0.50)))
    assert found.knee_width == pytest.approx(0.4 / 0.3)
    assert found.heel == pytest.approx(0.0)
    assert found.knees_forward == pytest.approx((0.10 - 0.15) / leg)
    assert found.shift == pytest.approx(0.0) and found.tilt == pytest.approx(0.0)
    assert found.stacked().shape == (1, 8)


def test_a_squat_within_the_limits_has_no_fault() -> None:
    assert not faulty(measured(figure()), Limits()).any()


@pytest.mark.parametrize(
    ("fault", "changed"),
    [
        ("too_shallow", {"hip": (0.10, 0.55, -0.30)}),
        ("leaning", {"shoulder": (0.20, 0.75, 0.15)}),
        ("knees_caving", {"knee": (0.12, 0.45, 0.10)}),
        ("knees_bowing", {"knee": (0.55, 0.45, 0.10)}),
        ("heels_up", {"heel": (0.15, 0.08, -0.05)}),
        ("toes_up", {"foot_index": (0.15, 0.08, 0.15)}),
        ("knees_forward", {"knee": (0.20, 0.45, 0.32)}),
    ],
)
def test_each_fault_is_found_alone(fault: str, changed: dict[str, tuple[float, float, float]]) -> None:
    found = faulty(measured(figure(**changed)), Limits())[0]
    assert [name for name, has in zip(FAULTS, found, strict=True) if has] == [fault]


def test_a_shifted_or_tilted_body_is_a_fault_to_either_side() -> None:
    for move in (0.09, -0.09):
        joints = figure()
        for name in ("left_hip", "right_hip", "left_shoulder", "right_shoulder"):
            joints[0, INDEX[name], 0] += move
        assert [n for n, has in zip(FAULTS, faulty(measured(joints), Limits())[0], strict=True) if has] == [
            "shifted"
        ]
    tilted = figure()
    tilted[0, INDEX["left_shoulder"], 1] -= 0.1
    assert measured(tilted).tilt > 9 and faulty(measured(tilted), Limits())[0, FAULTS.index("shifted")]


def test_limits_that_cannot_be_are_named() -> None:
    with pytest.raises(UserError, match=r"limits\.knees_in"):
        Limits(knees_in=4.0)
