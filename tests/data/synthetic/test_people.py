"""People who differ, and labels that follow from their joints."""

from dataclasses import replace

import numpy as np
import pytest

from deepsquat.data.synthetic.body import POINT, Posture, points
from deepsquat.data.synthetic.people import Form, Person, various_form, various_person
from deepsquat.errors import UserError
from deepsquat.measures import FAULTS, Limits, faulty, measured


@pytest.fixture(scope="module")
def squats() -> list[tuple[Person, Form]]:
    found = []
    for number in range(150):
        rng = np.random.default_rng([7, number])
        person = various_person(rng, Limits())
        found += [(person, various_form(rng, person, label, Limits())) for label in (0, 1)]
    return found


def joints(person: Person, form: Form) -> np.ndarray:
    at_bottom = {name: np.array([value]) for name, value in form.at_bottom.items()}
    return points(person.body, Posture(**at_bottom, sway=np.zeros(1)))


def test_the_label_and_the_faults_are_what_the_limits_say_of_the_joints(
    squats: list[tuple[Person, Form]],
) -> None:
    for person, form in squats:
        wrong = faulty(measured(joints(person, form)), Limits())[0]
        assert form.faults == tuple(name for name, has in zip(FAULTS, wrong, strict=True) if has)
        assert form.label == (not wrong.any())


def test_every_fault_comes_up_alone_and_with_others(squats: list[tuple[Person, Form]]) -> None:
    bad = [form.faults for _, form in squats if form.label == 0]
    for name in set(FAULTS) - {"knees_bowing"}:
        assert sum(name in faults for faults in bad) >= 8, name
    assert {len(faults) for faults in bad} >= {1, 2, 3}


def test_good_squats_are_various(squats: list[tuple[Person, Form]]) -> None:
    """Wider than the recorded good squats of ten people, whose standard deviations these are."""
    good = np.concatenate([measured(joints(p, f)).stacked() for p, f in squats if f.label == 1])
    lean, knee_width = good[:, 1], good[:, 2]
    assert lean.std() > 6 and np.ptp(lean) > 35
    assert knee_width.std() > 0.15 and np.median(knee_width) > 1.1


def test_thighs_and_lifted_feet_keep_their_lengths(squats: list[tuple[Person, Form]]) -> None:
    def length(at: np.ndarray, start: str, end: str) -> float:
        return float(np.linalg.norm(at[POINT[start]] - at[POINT[end]]))

    for person, form in squats[:40]:
        at = joints(person, form)[0]
        flat = joints(person, replace(form, at_bottom={**form.at_bottom, "toe": 0.0}))[0]
        for side in ("left", "right"):
            assert length(at, f"{side}_hip", f"{side}_knee") == pytest.approx(person.body.thigh)
            foot = (f"{side}_heel", f"{side}_foot_index")
            assert length(at, *foot) == pytest.approx(length(flat, *foot), rel=1e-3)


def test_limits_under_which_nobody_squats_well_are_refused() -> None:
    with pytest.raises(UserError, match="nobody squats well"):
        various_person(np.random.default_rng(0), Limits(lean=-80))
