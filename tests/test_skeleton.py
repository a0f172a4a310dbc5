import numpy as np
import pytest

from deepsquat.errors import UserError
from deepsquat.landmarks import INDEX, LandmarkTable
from deepsquat.skeleton import COLOURS, LIMBS, Style, draw, pixels


def table(n: int = 2, aspect: float = 9 / 16, squat: str = "a#0") -> LandmarkTable:
    """n frames of a standing figure in the middle third of the picture."""
    generator = np.random.default_rng(0)
    landmarks = np.zeros((n, 33, 4), np.float32)
    landmarks[..., 0] = 0.5 + 0.1 * generator.standard_normal(33)
    landmarks[..., 1] = np.linspace(0.2, 0.9, 33)
    text = np.full(n, squat)
    return LandmarkTable(
        squat=text,
        video=text,
        subject=text,
        faults=text,
        label=np.ones(n, np.int8),
        frame=np.arange(n, dtype=np.int32),
        time=np.arange(n) / 30,
        offset=np.arange(n) / 30,
        aspect=np.full(n, aspect, np.float32),
        landmarks=landmarks,
    )


def test_image_framing_puts_fractions_of_a_portrait_frame_onto_the_whole_image() -> None:
    points = pixels(table(), Style(192, 108))
    expected = table().landmarks[:, :, :2] * (108, 192)
    np.testing.assert_allclose(points[:, :33], expected, atol=1e-3)


def test_a_landscape_frame_keeps_its_proportions() -> None:
    """16:9 into 108 x 192: as wide as the image, 108 * 9 / 16 high, in the middle."""
    points = pixels(table(aspect=16 / 9), Style(192, 108))
    y = table().landmarks[0, :, 1]
    np.testing.assert_allclose(points[0, :33, 1], 96 + (y - 0.5) * 108 * 9 / 16, atol=1e-3)


def test_person_framing_fills_the_image_with_one_scale_for_a_squat() -> None:
    frames = table(3)
    frames.landmarks[1, :, 1] *= 0.5
    points = pixels(frames, Style(192, 108, framing="person"))[:, :33]
    low, high = points.min(axis=(0, 1)), points.max(axis=(0, 1))
    assert max((high - low) / (108, 192)) == pytest.approx(0.9, abs=1e-3)
    np.testing.assert_allclose((low + high) / 2, (54, 96), atol=1e-2)
    np.testing.assert_allclose(np.ptp(points[1], axis=0)[1] / np.ptp(points[0], axis=0)[1], 0.5, atol=1e-3)


def test_draws_every_limb_in_a_colour_of_its_own_between_its_ends() -> None:
    assert len(set(COLOURS)) == len(LIMBS)
    points = np.full((len(LIMBS), 36, 2), -50, np.float32)
    for i, (a, b) in enumerate(LIMBS):
        points[i, a], points[i, b] = (20, 30), (80, 150)
    images = draw(points, Style(192, 108))
    assert images.shape == (len(LIMBS), 192, 108, 3) and images.dtype == np.uint8
    for image, colour in zip(images, COLOURS, strict=True):
        np.testing.assert_allclose(image[90, 50], colour, atol=40)
        assert not image[170:].any()
        shades = {tuple(p) for p in image.reshape(-1, 3)}
        assert len(shades) > 3  # anti-aliased, not just two colours


def test_left_and_right_are_told_apart() -> None:
    limb = {name: LIMBS.index((INDEX[f"{name}_hip"], INDEX[f"{name}_knee"])) for name in ("left", "right")}
    assert np.abs(np.subtract(COLOURS[limb["left"]], COLOURS[limb["right"]])).sum() > 100


def test_dropped_limbs_and_far_points_leave_no_trace() -> None:
    points = pixels(table(1), Style(192, 108))
    assert not draw(points, Style(192, 108), np.ones((1, len(LIMBS)), bool)).any()
    points[:] = 1e9
    assert not draw(points, Style(192, 108)).any()


@pytest.mark.parametrize(
    "values", [{"height": 4}, {"height": 5000}, {"line_width": 0}, {"line_width": 40000}, {"framing": "wide"}]
)
def test_refuses_a_style_that_cannot_be_drawn(values: dict) -> None:
    with pytest.raises(UserError, match="skeleton"):
        Style(**values)
