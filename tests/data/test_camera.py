import math

import numpy as np
import pytest

from deepsquat.data.camera import Camera, around


def phone(position: tuple[float, float, float], aim: tuple[float, float, float] = (0, 0, 1)) -> Camera:
    return Camera(position, aim, focal=1000, width=540, height=960)


def test_what_it_aims_at_is_in_the_middle_and_what_is_beside_it_where_similar_triangles_say() -> None:
    camera = phone((4, 0, 1))  # straight in front of the subject, 4 m away
    points = np.array([[0, 0, 1], [0, 0.4, 1], [0, 0, 1.4], [2, 0.4, 1]])
    pixels, depth = camera.project(points)
    np.testing.assert_allclose(pixels, [[270, 480], [370, 480], [270, 380], [470, 480]])
    np.testing.assert_allclose(depth, [4, 4, 4, 2])


@pytest.mark.parametrize("position", [(4, 1, 1), (-2, 3, 0.2), (0.1, -5, 6), (1, 1, 30)])
def test_from_anywhere_the_aim_is_in_the_middle_and_the_picture_upright(position) -> None:
    camera = phone(position, (0.5, 0.2, 1.1))
    np.testing.assert_allclose(camera.axes @ camera.axes.T, np.eye(3), atol=1e-12)
    (middle, above), (depth, _) = camera.project(np.array([[0.5, 0.2, 1.1], [0.5, 0.2, 1.3]]))
    np.testing.assert_allclose(middle, [270, 480])
    assert depth == pytest.approx(math.dist(position, (0.5, 0.2, 1.1)))
    assert above[0] == pytest.approx(270) and above[1] < 480


def test_around_goes_to_the_subjects_left() -> None:
    np.testing.assert_allclose(around((1, 2, 9), math.pi / 2, 3, 1.2), [1, 5, 1.2], atol=1e-12)
    np.testing.assert_allclose(around((1, 2, 9), 0, 3, 1.2), [4, 2, 1.2])


def test_landmarks_are_fractions_and_nan_behind_the_camera() -> None:
    points = np.array([[[0, 0.4, 1], [1, 0, 1], [4.5, 0, 1], [np.nan, 0, 1]]], float)
    ((beside, before, behind, lost),) = phone((4, 0, 1)).landmarks(points, np.array([[0.0, 0, 1]]))
    np.testing.assert_allclose(beside, [370 / 540, 0.5, 0, 1])
    np.testing.assert_allclose(before, [0.5, 0.5, -1000 / 540 / 4, 1])  # 1 m nearer than the hips
    assert np.isnan(behind[:3]).all() and np.isnan(lost[:3]).all()


def test_straight_down_no_picture_is_upright() -> None:
    with pytest.raises(ValueError, match="straight up or down"):
        phone((0, 0, 3))
