"""Batches of images, kept in memory as uint8; the same order for the same seed and epoch."""

from collections.abc import Iterator, Sequence

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor

from deepsquat.augment import Augment, changed, dropped_limbs, jittered
from deepsquat.dataset import Images
from deepsquat.errors import UserError
from deepsquat.skeleton import LIMBS, Style, draw
from deepsquat.split import PARTS, Item, Split


def items_of(images: Images) -> list[Item]:
    """One item for each labelled squat, in order of first appearance."""
    _, first = np.unique(images.squat, return_index=True)
    return [
        Item(str(images.squat[i]), str(images.video[i]), str(images.subject[i]), int(images.label[i]))
        for i in sorted(first)
        if images.label[i] >= 0
    ]


class Part:
    """The batches of one part of the split; iterating gives (images, labels, squat numbers).

    Images come as (B, 3, H, W) uint8 views of (B, H, W, 3) memory: channels last without a copy.
    """

    def __init__(
        self,
        images: Images,
        squats: Sequence[Item],
        batch_size: int,
        shuffle_seed: int | None = None,
        augment: Augment | None = None,
        style: Style | None = None,
    ) -> None:
        number = {item.id: i for i, item in enumerate(squats)}
        copies, frames = images.images.shape[:2]
        self.squats = squats
        self.table_rows = np.flatnonzero(np.isin(images.squat, list(number)))
        self.copies = copies
        # All parts look into one array of pixels, (copies * frames, H, W, 3).
        self.pixels = torch.from_numpy(images.images.reshape(copies * frames, *images.images.shape[2:]))
        self.rows = torch.from_numpy((np.arange(copies)[:, None] * frames + self.table_rows).ravel())
        self.points = images.points[self.table_rows]
        self.frame, self.time = images.frame[self.table_rows], images.time[self.table_rows]
        self.label = torch.from_numpy(images.label[self.table_rows].astype(np.int64)).repeat(copies)
        self.squat = torch.tensor([number[str(s)] for s in images.squat[self.table_rows]]).repeat(copies)
        self.batch_size = batch_size
        self.shuffle_seed = shuffle_seed
        self.augment, self.style = augment, style
        self.epoch = 0

    def __len__(self) -> int:
        return -(-len(self.rows) // self.batch_size)

    def set_epoch(self, epoch: int) -> None:
        """Chooses the order, and the random changes, of the next pass."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        n = len(self.rows)
        order, pixels, rows = torch.arange(n), self.pixels, self.rows
        if self.shuffle_seed is not None:
            generator = np.random.default_rng([self.shuffle_seed, self.epoch])
            order = torch.from_numpy(generator.permutation(n))
            if self.augment is not None and self.augment.is_random:
                pixels, rows = self._redrawn(generator), torch.arange(n)
        for start in range(0, n, self.batch_size):
            chosen = order[start : start + self.batch_size]
            yield pixels[rows[chosen]].permute(0, 3, 1, 2), self.label[chosen], self.squat[chosen]

    def _redrawn(self, generator: np.random.Generator) -> Tensor:
        """This part's images drawn anew with this epoch's random changes, (n, H, W, 3) uint8."""
        assert self.augment is not None and self.style is not None
        points = np.tile(self.points, (self.copies, 1, 1))
        points = jittered(points, self.augment, self.style.height, generator)
        dropped = dropped_limbs(len(points), len(LIMBS), self.augment, generator)
        images = draw(points, self.style, dropped)
        return torch.from_numpy(changed(images, self.augment, int(generator.integers(2**31))))


class SquatData(pl.LightningDataModule):
    """The three parts of one split."""

    def __init__(
        self, images: Images, parts: Split, batch_size: int, seed: int, augment: Augment, style: Style
    ) -> None:
        super().__init__()
        self.parts = {
            "train": Part(images, parts["train"], batch_size, seed, augment, style),
            "val": Part(images, parts["val"], batch_size),
            "test": Part(images, parts["test"], batch_size),
        }
        n = len(self.parts["train"].label)
        if batch_size > n:
            raise UserError(
                f"optim.batch_size is {batch_size}, but there are only {n} training images; take {n} or fewer"
            )

    def counts(self) -> dict[str, tuple[int, int]]:
        """Squats and images of each part."""
        return {name: (len(self.parts[name].squats), len(self.parts[name].label)) for name in PARTS}

    def train_dataloader(self) -> Part:
        return self.parts["train"]

    def val_dataloader(self) -> Part:
        return self.parts["val"]

    def test_dataloader(self) -> Part:
        return self.parts["test"]
