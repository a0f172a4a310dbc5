from dataclasses import replace

import numpy as np
import pytest
import torch

from deepsquat.augment import Augment
from deepsquat.errors import UserError
from deepsquat.images import Images
from deepsquat.skeleton import Style
from deepsquat.split import Item
from deepsquat.trainer.batches import Part, SquatData, items_of, pixels_on

SQUATS = ("a#0", "a#1", "b#0", "b#1", "c#0")
LABELS = (1, 0, 1, -1, 0)


def images(frames: int = 3) -> Images:
    """Five squats, the fourth without a label; every pixel of image i is i."""
    squat = np.repeat(SQUATS, frames)
    n = len(squat)
    text = np.full(n, "")
    return Images(
        images=np.broadcast_to(np.arange(n, dtype=np.uint8)[:, None, None, None], (n, 8, 6, 3)).copy(),
        points=np.zeros((n, 36, 2), np.float32),
        squat=squat,
        video=np.array([name[0] for name in squat]),
        subject=text,
        faults=text,
        label=np.repeat(np.array(LABELS, np.int8), frames),
        frame=np.arange(n, dtype=np.int32),
        time=np.arange(n) / 30,
        fingerprint=np.array("f"),
        source=np.array("test"),
        drawn_as=np.array("plain"),
    )


def part(augment: Augment, squats: tuple[int, ...], batch_size: int = 4, seed: int | None = None) -> Part:
    given = images()
    chosen = [Item(SQUATS[i], SQUATS[i][0], "", LABELS[i]) for i in squats]
    return Part(given, pixels_on(torch.device("cpu"), given, augment), chosen, batch_size, seed)


def test_squats_without_a_label_are_no_items() -> None:
    assert [(item.id, item.video, item.label) for item in items_of(images())] == [
        ("a#0", "a", 1),
        ("a#1", "a", 0),
        ("b#0", "b", 1),
        ("c#0", "c", 0),
    ]


def test_batches_hold_the_images_labels_and_squats_of_the_part_alone() -> None:
    plain = part(Augment(), (4, 0))
    assert len(plain) == 2 and plain.table_rows.tolist() == [0, 1, 2, 12, 13, 14]
    (first, labels, squats, _), (second, more, rest, _) = list(plain)
    assert first.shape == (4, 3, 8, 6) and first.dtype == torch.uint8
    assert first.is_contiguous(memory_format=torch.channels_last)
    assert first[:, 0, 0, 0].tolist() == [0, 1, 2, 12] and second[:, 0, 0, 0].tolist() == [13, 14]
    assert (labels.tolist(), more.tolist()) == ([1, 1, 1, 0], [0, 0])
    assert (squats.tolist(), rest.tolist()) == ([1, 1, 1, 0], [0, 0])  # numbers in the order given
    assert plain.image(3)[0, 0].tolist() == [12, 12, 12]


def test_copies_come_after_the_images_and_keep_label_and_squat() -> None:
    copied = part(Augment(flip=True), (1, 2), batch_size=100)
    ((pixels, labels, squats, _),) = list(copied)
    assert pixels[:, 0, 0, 0].tolist() == [3, 4, 5, 6, 7, 8] * 2
    assert labels.tolist() == [0, 0, 0, 1, 1, 1] * 2
    assert squats.tolist() == [0, 0, 0, 1, 1, 1] * 2


def test_the_order_is_that_of_the_seed_and_epoch() -> None:
    def order(seed: int, epoch: int) -> list[int]:
        shuffled = part(Augment(), (0, 1, 2, 4), seed=seed)
        shuffled.set_epoch(epoch)
        return [int(value) for pixels, *_ in shuffled for value in pixels[:, 0, 0, 0]]

    assert order(0, 0) == order(0, 0)
    assert sorted(order(0, 0)) == [0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 13, 14]
    assert len({tuple(order(seed, epoch)) for seed in (0, 1) for epoch in (0, 1)}) == 4


@pytest.mark.parametrize(("steps", "batch_size"), [(2, 2), (2, 5), (5, 8), (1, 3)])
def test_an_order_that_runs_on_brings_every_image_before_any_twice(steps: int, batch_size: int) -> None:
    def seen(seed: int, epochs: range) -> list[int]:
        shuffled = part(Augment(), (0, 1, 2, 4), batch_size, seed)
        shuffled.steps = steps
        assert len(shuffled) == steps
        found = []
        for epoch in epochs:
            shuffled.set_epoch(epoch)
            batches = [pixels[:, 0, 0, 0].tolist() for pixels, *_ in shuffled]
            assert [len(batch) for batch in batches] == [batch_size] * steps
            found += [value for batch in batches for value in batch]
        return found

    whole = seen(0, range(12))
    rounds = [whole[start : start + 12] for start in range(0, len(whole) - 11, 12)]
    assert all(sorted(one) == [0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 13, 14] for one in rounds)
    assert len({tuple(one) for one in rounds}) == len(rounds)
    assert seen(0, range(7, 12)) == whole[7 * steps * batch_size :]  # a run that is resumed
    assert seen(1, range(12)) != whole


def data(batch_size: int) -> SquatData:
    given = images()
    a0, a1, b0, c0 = items_of(given)
    parts = {"train": [a0, a1], "val": [b0], "test": [c0]}
    return SquatData(given, parts, batch_size, 0, Augment(flip=True), Style(8, 8), torch.device("cpu"))


def test_the_parts_share_no_image_and_count_squats_and_images() -> None:
    found = data(4)
    assert found.counts() == {"train": (2, 12), "val": (1, 6), "test": (1, 6)}
    assert found.train_dataloader().shuffle_seed == 0 and found.val_dataloader().shuffle_seed is None
    rows = [set(found.parts[name].rows.tolist()) for name in ("train", "val", "test")]
    assert len(set.union(*rows)) == sum(map(len, rows)) == 24
    assert found.parts["test"].image(0)[0, 0, 0] == 12


def test_a_batch_larger_than_train_is_refused() -> None:
    data(12)
    with pytest.raises(UserError, match="batch_size is 13, but there are only 12 training images"):
        data(13)


def test_other_images_take_the_place_of_train_from_the_second_epoch_on() -> None:
    """Each epoch's pixels are its number; the same number of squats is asked for as train has."""
    asked = []

    def anew(squats: int, epoch: int) -> Images:
        asked.append((squats, epoch))
        given = images()
        return replace(given, images=np.full_like(given.images, 100 + epoch), label=np.ones_like(given.label))

    given = images()
    a0, a1, b0, c0 = items_of(given)
    parts = {"train": [a0, a1], "val": [b0], "test": [c0]}
    made = SquatData(given, parts, 4, 0, Augment(), Style(8, 8), torch.device("cpu"), anew)
    seen = {}
    for epoch in (0, 2, 1, 2):
        made.parts["train"].set_epoch(epoch)
        seen[epoch] = torch.cat([pixels[:, 0, 0, 0] for pixels, *_ in made.train_dataloader()])
    assert sorted(seen[0].tolist()) == [0, 1, 2, 3, 4, 5]
    assert set(seen[1].tolist()) == {101} and set(seen[2].tolist()) == {102}
    assert asked == [(2, 2), (2, 1), (2, 2)]
    assert [int(p[0, 0, 0, 0]) for p, *_ in made.val_dataloader()] == [6]
