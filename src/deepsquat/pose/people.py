"""Who is in a span of a video, and which of them squats. Poses are (33, 4) landmarks of one picture.

Lengths are fractions of the picture's height; `aspect` is its width over its height.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deepsquat.landmarks import BODY, INDEX

_ANKLES = [INDEX["left_ankle"], INDEX["right_ankle"]]
_SHOULDERS = [INDEX["left_shoulder"], INDEX["right_shoulder"]]
# Trunk, thigh and shin of either side, as pairs of places in BODY.
LIMBS = ((0, 1), (1, 2), (2, 3), (4, 5), (5, 6), (6, 7))

NEAR = 0.35  # of a body's size: two poses of one picture whose middles are nearer are of one body
REACH = 1.0  # of a body's size: as far as a body's middle gets between two looks
STILL = 0.03  # of a body's size: what the hips of someone who stands seem to move
SQUATS = 0.2  # and what they surely move in a squat, seen from anywhere
OWN = 0.1  # and in sizes of the body in the same picture, which do not change where somebody walks away
RIVAL = (
    0.75  # of the size of the one who squats: who is larger and squats too may be meant; mirrors show less
)


def joints(poses: np.ndarray, aspect: float) -> np.ndarray:
    """(..., 8, 2) places of the BODY joints of (..., 33, 4) poses."""
    return np.asarray(poses[..., list(BODY), :2] * np.array([aspect, 1.0]))


def size(pose: np.ndarray, aspect: float) -> float:
    """Trunk, thigh and shin together, the longer side's: less than half of it is lost in a squat."""
    body = joints(pose, aspect)
    lengths = [float(np.linalg.norm(body[a] - body[b])) for a, b in LIMBS]
    return max(sum(lengths[:3]), sum(lengths[3:]), 1e-6)


def middle(pose: np.ndarray, aspect: float) -> np.ndarray:
    """(2,) the middle of the BODY joints."""
    return np.asarray(joints(pose, aspect).mean(axis=0))


def apart(one: np.ndarray, two: np.ndarray, aspect: float) -> float:
    """How far the middles of two poses are from each other, in sizes of the larger."""
    larger = max(size(one, aspect), size(two, aspect))
    return float(np.linalg.norm(middle(one, aspect) - middle(two, aspect)) / larger)


def is_upright(pose: np.ndarray) -> bool:
    """Whether the ankles are below the shoulders."""
    return bool(pose[_ANKLES, 1].mean() > pose[_SHOULDERS, 1].mean())


def distinct(poses: Sequence[np.ndarray], aspect: float) -> list[np.ndarray]:
    """The upright ones of one picture's poses, one of each body: the one that is best seen.

    In dim pictures MediaPipe also finds the same body lying on its side, or twice.
    """
    found: list[np.ndarray] = []
    for pose in sorted(poses, key=lambda pose: -float(pose[list(BODY), 3].mean())):
        if is_upright(pose) and all(apart(pose, other, aspect) > NEAR for other in found):
            found.append(pose)
    return found


def prominence(pose: np.ndarray, aspect: float) -> float:
    """How large a body is, and how near to the middle of the picture's width."""
    off = min(1.0, abs(float(middle(pose, aspect)[0]) / aspect - 0.5) * 2)
    return size(pose, aspect) * (1 - 0.5 * off)


def linked(looks: Sequence[Sequence[np.ndarray]], aspect: float) -> list[list[np.ndarray | None]]:
    """Each person's poses, look by look, None where not seen. looks: the distinct poses of pictures in order.

    The nearest pose is the same person's, where it is within reach and of about the same size.
    """
    people: list[list[np.ndarray | None]] = []
    last: list[np.ndarray] = []
    for number, poses in enumerate(looks):
        for person in people:
            person.append(None)
        pairs = sorted(
            (apart(before, pose, aspect), i, j)
            for i, before in enumerate(last)
            for j, pose in enumerate(poses)
        )
        taken_people: set[int] = set()
        taken_poses: set[int] = set()
        for distance, i, j in pairs:
            if distance < REACH and i not in taken_people and j not in taken_poses:
                people[i][-1] = last[i] = poses[j]
                taken_people.add(i)
                taken_poses.add(j)
        for j, pose in enumerate(poses):
            if j not in taken_poses:
                people.append([None] * number + [pose])
                last.append(pose)
    return people


@dataclass(frozen=True)
class Chosen:
    """Of a span's people the one who squats: look by look, None where not seen."""

    poses: list[np.ndarray | None]
    persons: int  # most people seen at once in the span
    lifters: int  # those among them who squat, the one that was chosen counted whatever it does


def squatting(looks: Sequence[Sequence[np.ndarray]], aspect: float) -> Chosen:
    """Who squats.

    By the size of the body at its largest, which squatting does not change; by its place; by how often it is
    seen; and by how far its hips rise and fall over its ankles. Someone who is seen once in many looks is
    not counted.
    """
    people = linked(looks, aspect)
    if not people:
        return Chosen([None] * len(looks), 0, 0)
    seen = [[pose for pose in person if pose is not None] for person in people]
    scores = [_score(poses, len(looks), aspect) for poses in seen]
    one = int(np.argmax(scores))
    enough = min(2, len(looks))
    lasting = [i for i, poses in enumerate(seen) if len(poses) >= enough]
    at_once = np.array([[pose is not None for pose in people[i]] for i in lasting]).sum(axis=0)
    least = RIVAL * _largest(seen[one], aspect)
    rivals = [
        i
        for i in lasting
        # Who is never seen beside the one may be the same, who was lost, went elsewhere, or follows a cut.
        if i != one and _together(people[i], people[one]) >= enough
        if _largest(seen[i], aspect) > least and _squats(seen[i], aspect)
    ]
    return Chosen(people[one], int(at_once.max(initial=1)), 1 + len(rivals))


def _together(one: list[np.ndarray | None], other: list[np.ndarray | None]) -> int:
    """In how many looks both are seen."""
    return sum(a is not None and b is not None for a, b in zip(one, other, strict=True))


def _squats(poses: list[np.ndarray], aspect: float) -> bool:
    own = [_hips_over_ankles(pose) / size(pose, aspect) for pose in poses]
    return _travel(poses, aspect) > SQUATS and max(own) - min(own) > OWN


def _largest(poses: list[np.ndarray], aspect: float) -> float:
    return max(size(pose, aspect) for pose in poses)


def _travel(poses: list[np.ndarray], aspect: float) -> float:
    """How far the hips rise and fall over the ankles, in sizes."""
    heights = [_hips_over_ankles(pose) / _largest(poses, aspect) for pose in poses]
    return max(heights) - min(heights)


def _score(poses: list[np.ndarray], looks: int, aspect: float) -> float:
    place = float(np.mean([prominence(pose, aspect) / size(pose, aspect) for pose in poses]))
    moves = float(np.clip((_travel(poses, aspect) - STILL) / (SQUATS - STILL), 0, 1))
    return _largest(poses, aspect) * place * np.sqrt(len(poses) / looks) * (0.25 + moves)


def _hips_over_ankles(pose: np.ndarray) -> float:
    hips = [INDEX["left_hip"], INDEX["right_hip"]]
    return float(pose[_ANKLES, 1].mean() - pose[hips, 1].mean())
