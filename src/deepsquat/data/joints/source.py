"""Joints of made-up people in squats, seen by a camera, as a pose estimator would say them: not filmed.

For learning: ten thousand squats in seconds, from every side. What is said of filmed or real people must be
tested on these.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields

import numpy as np

from deepsquat.data.joints.estimator import estimated
from deepsquat.data.joints.view import View, placed_camera
from deepsquat.data.squats import Drops, FrameChoice, Squat
from deepsquat.data.synthetic.body import Posture, points
from deepsquat.data.synthetic.people import Form, Person, various_form, various_person
from deepsquat.errors import UserError
from deepsquat.landmarks import LandmarkTable
from deepsquat.measures import Limits, measured

VERSION = "3"  # of the people, the cameras and the noise: raise it when any landmark changes


@dataclass(frozen=True)
class MadeUpJoints:
    """`people` who squat `each` times, half of the squats good, each squat seen by a camera of its own.

    Raises:
        UserError: a value is out of range.
    """

    people: int = 2000
    each: int = 4
    seed: int = 0
    noise: float = 1.0  # times that of the pose estimator; 0: true joints
    fresh: bool = False  # other people to train on in every epoch
    limits: Limits = field(default_factory=Limits)
    view: View = field(default_factory=View)
    frames: FrameChoice = field(default_factory=FrameChoice)

    def __post_init__(self) -> None:
        for name in ("people", "each"):
            if getattr(self, name) < 1:
                raise UserError(f"data.{name} must be 1 or more, got {getattr(self, name)}")
        if self.seed < 0:
            raise UserError(f"data.seed must be 0 or above, got {self.seed}")
        if not 0 <= self.noise <= 10:
            raise UserError(f"data.noise must be 0 to 10, got {self.noise}")

    def inputs(self) -> dict[str, str]:
        """Everything that goes into the table."""
        options = {f.name: str(getattr(self, f.name)) for f in fields(self) if f.name != "fresh"}
        return {"reader": f"joints {VERSION}"} | options

    def landmark_table_and_drops(self) -> tuple[LandmarkTable, Drops]:
        """The table; no frame is ever lacking."""
        from tqdm import tqdm

        numbers = tqdm(range(self.people), desc="people", unit="person", delay=2, leave=False)
        tables = [table for number in numbers for table in self._person(number)]
        return LandmarkTable.joined(tables), Drops({}, {})

    def anew(self, squats: int, epoch: int) -> LandmarkTable:
        """So many squats of other people, for an epoch from 1 on."""
        people = range(-(-squats // self.each))
        tables = [table for number in people for table in self._person(number, epoch)]
        return LandmarkTable.joined(tables[:squats])

    def _person(self, number: int, epoch: int = 0) -> Iterator[LandmarkTable]:
        rng = np.random.default_rng([self.seed, number, epoch])
        person = various_person(rng, self.limits)
        labels = rng.permutation(np.arange(self.each) % 2 if self.each > 1 else [number % 2])
        for index, label in enumerate(labels):
            form = various_form(rng, person, int(label), self.limits)
            yield self._squat(rng, person, form, f"person-{number + 1:05d}", index)

    def _squat(
        self, rng: np.random.Generator, person: Person, form: Form, who: str, index: int
    ) -> LandmarkTable:
        half = person.habit.seconds / 2
        squat = Squat(who, index, 0.0, half, 2 * half, form.label, who, form.faults)
        times = np.array(self.frames.times(squat))
        joints = points(person.body, _at(form, 1 - np.abs(times - half) / half))
        placed = placed_camera(rng, self.view, joints)
        aspect = placed.aspect
        landmarks = estimated(rng, placed.landmarks(joints), aspect, self.noise)
        n = len(times)
        return LandmarkTable(
            squat=np.full(n, squat.id),
            video=np.full(n, who),
            subject=np.full(n, who),
            faults=np.full(n, "+".join(form.faults)),
            label=np.full(n, form.label, np.int8),
            frame=np.rint(times * 30).astype(np.int32),
            time=times,
            offset=times - half,
            aspect=np.full(n, aspect, np.float32),
            landmarks=landmarks.astype(np.float32),
            measures=measured(joints, placed.yaw).stacked().astype(np.float32),
        )


_STANDING = {"shank": 0.05, "thigh": 0.06, "lean": 0.05, "rounding": 0.03}


def _at(form: Form, reached: np.ndarray) -> Posture:
    """The postures on the way: reached (n,) from 0, standing, to 1, the bottom; slow near both ends."""
    depth = reached**3 * (10 - 15 * reached + 6 * reached**2)  # minimum jerk, Flash and Hogan 1985
    angles = {
        name: _STANDING.get(name, 0.0) + depth * (value - _STANDING.get(name, 0.0))
        for name, value in form.at_bottom.items()
    }
    return Posture(**angles, sway=np.zeros(len(reached)))
