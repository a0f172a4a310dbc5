"""Faces that nobody shall know: where heads are, and a picture without what is in them."""

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from deepsquat.landmarks import INDEX

FACE = slice(0, 11)  # nose, eyes, ears, mouth
# Lengths of somebody 1.75 m high, in metres (Winter, Biomechanics, 4th ed., fig. 4.1); _HEAD: a circle's
# radius that hides all of a head.
_TRUNK, _SHIN, _THIGH, _HEAD = 0.50, 0.43, 0.43, 0.17
LOOKS = 0.1  # seconds, at most, between two pictures in which everybody is looked for
HOLD = 1.0  # seconds that a head which is not found any more stays hidden where it was
_CELLS = 4  # a head is left with so many colours each way

Head = tuple[float, float, float]  # the middle's x and y, and the radius; in pictures' heights
Frame = tuple[int, float, np.ndarray]  # number, seconds, picture


def head(landmarks: np.ndarray, aspect: float) -> Head:
    """The head of one body (33, 4), from any side."""
    xy = landmarks[:, :2] * np.array([aspect, 1.0])

    def at(name: str) -> np.ndarray:
        return (xy[INDEX[f"left_{name}"]] + xy[INDEX[f"right_{name}"]]) / 2

    spans = ("shoulder", "hip", _TRUNK), ("hip", "knee", _THIGH), ("knee", "ankle", _SHIN)
    metre = max(float(np.linalg.norm(at(a) - at(b))) / length for a, b, length in spans)
    face = xy[FACE]
    middle = face.mean(axis=0)
    radius = max(_HEAD * metre, 1.5 * float(np.linalg.norm(face - middle, axis=1).max()))
    return float(middle[0]), float(middle[1]), radius


def hide(picture: np.ndarray, heads: Iterable[Head]) -> None:
    """Leaves a few blurred colours of each head in a picture (H, W, 3) uint8."""
    import cv2

    height, width = picture.shape[:2]
    for x, y, radius in heads:
        x, y, radius = x * height, y * height, radius * height
        left, right = (int(np.clip(edge, 0, width)) for edge in (x - radius, x + radius + 1))
        top, bottom = (int(np.clip(edge, 0, height)) for edge in (y - radius, y + radius + 1))
        if right - left < 1 or bottom - top < 1:
            continue
        patch = picture[top:bottom, left:right]
        few = cv2.resize(patch, (_CELLS, _CELLS), interpolation=cv2.INTER_AREA)
        blurred = cv2.resize(few, (right - left, bottom - top), interpolation=cv2.INTER_LINEAR)
        rows, columns = np.ogrid[top:bottom, left:right]
        inside = (columns - x) ** 2 + (rows - y) ** 2 <= radius**2
        patch[inside] = blurred[inside]


def hidden(
    frames: Iterable[Frame],
    find: Callable[[np.ndarray], list[np.ndarray]],
    followed: Callable[[float], np.ndarray | None],
) -> Iterator[Frame]:
    """The same frames without faces; everybody is looked for in some, and hidden in those between too.

    find: the bodies (33, 4) in a picture. followed: the body that is known at a time, where one is.
    """
    waiting: list[Frame] = []
    before: list[tuple[float, Head]] = []  # with the time at which it was seen

    def done(seen: list[tuple[float, Head]]) -> Iterator[Frame]:
        for number, time, picture in waiting:
            aspect = picture.shape[1] / picture.shape[0]
            body = followed(time)
            own = [] if body is None else [head(body, aspect)]
            hide(picture, [*(one for _, one in seen), *own])
            yield number, time, picture
        waiting.clear()

    looked = -np.inf
    for frame in frames:
        waiting.append(frame)
        _, time, picture = frame
        if time - looked < LOOKS - 1e-3:
            continue
        looked, aspect = time, picture.shape[1] / picture.shape[0]
        now = [(time, head(body, aspect)) for body in find(picture)]
        yield from done(before + now)
        before = now + [(when, one) for when, one in before if time - when <= HOLD and not _found(one, now)]
    yield from done(before)


def _found(one: Head, now: list[tuple[float, Head]]) -> bool:
    """Whether a head is seen again, at most its own width away."""
    return any(np.hypot(one[0] - x, one[1] - y) <= 2 * max(one[2], radius) for _, (x, y, radius) in now)
