"""No face is left of anybody who was found."""

import numpy as np
import pytest

from deepsquat.landmarks import INDEX
from deepsquat.predict.faces import HOLD, Head, head, hidden, hide
from deepsquat.predict.poses import Poses


def chequered(height: int = 400, width: int = 300) -> np.ndarray:
    """(H, W, 3): single pixels of black and white."""
    board = np.indices((height, width)).sum(axis=0) % 2 * 255
    return np.repeat(board[..., None], 3, axis=2).astype(np.uint8)


def contrast(picture: np.ndarray, place: Head) -> float:
    """Between neighbouring pixels, within a head."""
    x, y, radius = (round(value * len(picture)) for value in place)
    inner = picture[y - radius // 2 : y + radius // 2, x - radius // 2 : x + radius // 2, 0].astype(int)
    return float(np.abs(np.diff(inner, axis=1)).mean())


def test_nothing_of_a_head_is_left_and_all_around_it() -> None:
    picture, place = chequered(), (0.4, 0.3, 0.1)
    hide(picture, [place])
    assert contrast(picture, place) < 3
    picture[: 400 * 45 // 100] = chequered()[: 400 * 45 // 100]
    assert (picture == chequered()).all()


@pytest.mark.parametrize("place", [(-5.0, 0.5, 0.1), (0.0, 0.0, 0.05), (0.74, 1.0, 0.2), (0.3, 0.3, 5.0)])
def test_a_head_at_the_edge_or_outside_is_no_trouble(place: Head) -> None:
    hide(chequered(), [place])


def test_a_head_covers_the_face_from_any_side(lifted: Poses) -> None:
    aspect = float(lifted.aspect[0])
    for body in lifted.landmarks:
        x, y, radius = head(body, aspect)
        face = body[:11, :2] * (aspect, 1) - (x, y)
        assert (np.linalg.norm(face, axis=1) < radius).all()
        shoulder = body[INDEX["left_shoulder"], :2] * (aspect, 1)
        assert radius < 1.5 * np.linalg.norm(shoulder - (x, y))


def test_who_is_not_found_any_more_stays_hidden_for_a_while(lifted: Poses) -> None:
    body = lifted.landmarks[0]
    times = np.arange(0, 3, 1 / 30)
    frames = ((k, float(time), chequered()) for k, time in enumerate(times))
    calls = iter(range(1000))

    def find(picture: np.ndarray) -> list[np.ndarray]:
        return [body] if next(calls) == 0 else []

    found = list(hidden(frames, find, lambda time: None))
    assert [number for number, *_ in found] == list(range(len(times)))
    place = head(body, 300 / 400)
    blurred = np.array([contrast(picture, place) < 50 for *_, picture in found])
    assert blurred[times <= HOLD].all() and not blurred[times > HOLD + 0.3].any()
    assert next(calls) < len(times) / 2  # in every third picture alone


def test_the_body_that_is_followed_is_hidden_where_it_is(lifted: Poses) -> None:
    body = lifted.landmarks[0]
    (_, _, picture), *_ = hidden([(0, 0.0, chequered())], lambda picture: [], lambda time: body)
    assert contrast(picture, head(body, 300 / 400)) < 50
