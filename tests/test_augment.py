import os

import numpy as np
import pytest
import torch

os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"  # else the import asks the network for a newer version
import albumentations

from deepsquat.augment import Augment, changed, copies, dropped_limbs, jittered
from deepsquat.errors import UserError


def images(n: int = 3) -> np.ndarray:
    """A bright corner on black, so that every change can be told."""
    made = np.zeros((n, 64, 36, 3), np.uint8)
    made[:, :16, :9] = 200
    return made


def test_the_papers_four_copies() -> None:
    made = copies(torch.from_numpy(images()), Augment(flip=True, zoom_out=0.5)).numpy()
    assert made.shape == (4, 3, 64, 36, 3)
    original, mirrored, zoomed, both = made
    np.testing.assert_array_equal(original, images())
    np.testing.assert_array_equal(mirrored, images()[:, :, ::-1])
    np.testing.assert_array_equal(both, zoomed[:, :, ::-1])
    # Half the size about the centre: the corner now begins a quarter in, and the rest is black.
    assert zoomed[:, :14].max() == 0 and zoomed[:, :, :7].max() == 0
    assert zoomed[:, 18:22, 10:12].min() == 200
    assert zoomed.sum() / images().sum() == pytest.approx(0.25, rel=0.1)


def test_none_gives_the_images_alone() -> None:
    assert copies(torch.from_numpy(images()), Augment()).shape == (1, 3, 64, 36, 3)
    assert not Augment().is_random and not Augment(flip=True, zoom_out=0.5).is_random


@pytest.mark.parametrize("size", [(192, 108), (144, 81), (49, 28)])
@pytest.mark.parametrize(("scale", "levels"), [(0.5, 0), (0.75, 1), (0.3, 1)])
def test_the_copies_are_albumentations_pixels(size: tuple[int, int], scale: float, levels: int) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (9, *size, 3), dtype=np.uint8)
    _, _, zoomed, both = copies(torch.from_numpy(noise), Augment(flip=True, zoom_out=scale)).numpy()
    affine = albumentations.Affine(scale=(scale, scale), fill=0, p=1.0)
    mirror = albumentations.HorizontalFlip(p=1.0)
    for image, small, mirrored in zip(noise, zoomed, both, strict=True):
        expected = affine(image=image)["image"]
        assert np.abs(expected.astype(int) - small).max() <= levels
        np.testing.assert_array_equal(mirror(image=small)["image"], mirrored)


def test_random_changes_differ_between_images_and_repeat_with_the_seed() -> None:
    strong = Augment(random_flip=True, rotate=15, shift=0.1, scale=0.2, jitter=0.01, drop_limbs=0.2)
    assert strong.is_random
    first, again, other = (changed(images(8), strong, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert len({image.tobytes() for image in first}) == 8


def test_jitter_and_drops_are_as_large_as_asked() -> None:
    strong = Augment(jitter=0.02, drop_limbs=0.25)
    generator = np.random.default_rng(0)
    moved = jittered(np.zeros((200, 36, 2), np.float32), strong, 100, generator)
    assert moved.std() == pytest.approx(2.0, rel=0.05)
    assert dropped_limbs(500, 20, strong, generator).mean() == pytest.approx(0.25, abs=0.02)


@pytest.mark.parametrize(
    "values",
    [
        {"zoom_out": 1.5},
        {"zoom_out": 0.005},
        {"flip": True, "rotate": 5.0},
        {"rotate": -1.0},
        {"scale": 1.0},
        {"drop_limbs": 1.0},
    ],
)
def test_refuses_impossible_values(values: dict) -> None:
    with pytest.raises(UserError, match="augment"):
        Augment(**values)
