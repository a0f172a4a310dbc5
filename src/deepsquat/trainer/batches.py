"""Batches of images, kept as uint8 on the device that trains; the same order for the same seed and epoch."""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor

from deepsquat.augment import Augment, changed, copies, dropped_limbs, jittered
from deepsquat.errors import UserError
from deepsquat.images import Images
from deepsquat.skeleton import LIMBS, Style, draw
from deepsquat.split import PARTS, Item, Split
from deepsquat.trainer.target import Batch


def items_of(images: Images) -> list[Item]:
    """One item for each labelled squat, in order of first appearance."""
    _, first = np.unique(images.squat, return_index=True)
    return [
        Item(
            str(images.squat[i]),
            str(images.video[i]),
            str(images.subject[i]),
            int(images.label[i]),
            bool(images.reference[i]),
        )
        for i in sorted(first)
        if images.label[i] >= 0
    ]


@lru_cache(maxsize=2)  # a sweep trains many times on the same images
def pixels_on(device: torch.device, images: Images, augment: Augment) -> Tensor:
    """Every image and its fixed copies, (k, n, H, W, 3) uint8: uploaded once, copied there."""
    return copies(torch.from_numpy(images.images).to(device), augment)


class Part:
    """The batches of one part of the split; iterating gives each a `Batch`, on the device.

    Images come as (B, 3, H, W) uint8 views of (B, H, W, 3) memory: channels last without a copy.
    """

    def __init__(
        self,
        images: Images,
        pixels: Tensor,
        squats: Sequence[Item],
        batch_size: int,
        shuffle_seed: int | None = None,
        augment: Augment | None = None,
        style: Style | None = None,
        anew: Callable[[int], Images] | None = None,
        steps: int | None = None,
    ) -> None:
        """
        pixels: (k, n, H, W, 3) uint8, of all parts; the device of the batches is theirs.
        anew: as many other images for an epoch after the first, which takes them in this part's place.
        steps: batches of one pass; None: as many as there are.
        """
        number = {item.id: i for i, item in enumerate(squats)}
        copies, frames = pixels.shape[:2]
        self.squats = squats
        self.table_rows = np.flatnonzero(np.isin(images.squat, list(number)))
        self.copies = copies
        self.device = pixels.device
        # All parts look into one array of pixels, (copies * frames, H, W, 3).
        self.pixels = pixels.flatten(0, 1)
        self.rows = torch.from_numpy((np.arange(copies)[:, None] * frames + self.table_rows).ravel())
        self.points = images.points[self.table_rows]
        self.frame, self.time = images.frame[self.table_rows], images.time[self.table_rows]
        self.label = torch.from_numpy(images.label[self.table_rows].astype(np.int64)).repeat(copies)
        self.squat = torch.tensor([number[str(s)] for s in images.squat[self.table_rows]]).repeat(copies)
        measures = torch.from_numpy(images.measures[self.table_rows]).repeat(copies, 1)
        self._rows = self.rows.to(self.device)
        self._truth = tuple(column.to(self.device) for column in (self.label, self.squat, measures))
        self.batch_size = batch_size
        self.shuffle_seed = shuffle_seed
        self.augment, self.style, self.anew = augment, style, anew
        self.steps = steps
        self.epoch = 0

    def image(self, i: int) -> np.ndarray:
        """Image i of this part, (H, W, 3) uint8, RGB."""
        return self.pixels[int(self.rows[i])].cpu().numpy()

    def __len__(self) -> int:
        return self.steps or -(-len(self.rows) // self.batch_size)

    def set_epoch(self, epoch: int) -> None:
        """Chooses the order, and the random changes, of the next pass."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[Batch]:
        if self.anew is not None and self.epoch > 0:
            images = self.anew(self.epoch)
            pixels = copies(torch.from_numpy(images.images).to(self.device), self.augment or Augment())
            other = Part(
                *(images, pixels, items_of(images), self.batch_size, self.shuffle_seed),
                *(self.augment, self.style, None, self.steps),
            )
            other.set_epoch(self.epoch)
            yield from other
            return
        yield from self._batches(self.shuffle_seed)

    def in_order(self) -> Iterator[Batch]:
        """The batches of this part's own images as they are, in their order."""
        yield from self._batches(None)

    def _batches(self, shuffle_seed: int | None) -> Iterator[Batch]:
        n = len(self.rows)
        order, pixels, rows = torch.arange(n), self.pixels, self._rows
        if shuffle_seed is not None:
            generator = np.random.default_rng([shuffle_seed, self.epoch])
            order = torch.from_numpy(
                generator.permutation(n) if self.steps is None else self._order_that_runs_on()
            )
            if self.augment is not None and self.augment.is_random:
                pixels, rows = self._redrawn(generator).to(self.device), torch.arange(n, device=self.device)
        order = order.to(self.device)
        for start in range(0, len(order), self.batch_size):
            chosen = order[start : start + self.batch_size]
            label, squat, measures = (column[chosen] for column in self._truth)
            yield pixels[rows[chosen]].permute(0, 3, 1, 2), label, squat, measures

    def _order_that_runs_on(self) -> np.ndarray:
        """(steps * batch,): this pass's share of an order in which every image comes before any comes twice.

        It depends on the seed and the epoch alone, so that a run that is resumed goes on with it.
        """
        assert self.steps is not None and self.shuffle_seed is not None
        n, taken = len(self.rows), self.steps * self.batch_size
        first, skipped = divmod(self.epoch * taken, n)
        rounds = range(first, first - (-(skipped + taken) // n))
        orders = [np.random.default_rng([self.shuffle_seed, number, 1]).permutation(n) for number in rounds]
        return np.concatenate(orders)[skipped : skipped + taken]

    def _redrawn(self, generator: np.random.Generator) -> Tensor:
        """This part's images drawn anew with this epoch's random changes, (n, H, W, 3) uint8."""
        assert self.augment is not None and self.style is not None
        points = np.tile(self.points, (self.copies, 1, 1))
        points = jittered(points, self.augment, self.style.height, generator)
        dropped = dropped_limbs(len(points), len(LIMBS), self.augment, generator)
        images = draw(points, self.style, dropped)
        return torch.from_numpy(changed(images, self.augment, int(generator.integers(2**31))))


class SquatData(pl.LightningDataModule):
    """The three parts of one split, on the device that trains."""

    def __init__(
        self,
        images: Images,
        parts: Split,
        batch_size: int,
        seed: int,
        augment: Augment,
        style: Style,
        device: torch.device,
        anew: Callable[[int, int], Images] | None = None,
        steps: int | None = None,
    ) -> None:
        """anew: so many squats, drawn for an epoch, which are trained on in the place of those of train.

        steps: of an epoch; None: as many as its images make.
        """
        super().__init__()
        pixels = pixels_on(device, images, augment)
        fresh = None if anew is None else partial(anew, len(parts["train"]))
        self.parts = {
            "train": Part(images, pixels, parts["train"], batch_size, seed, augment, style, fresh, steps),
            "val": Part(images, pixels, parts["val"], batch_size),
            "test": Part(images, pixels, parts["test"], batch_size),
        }
        if parts.get("reference"):
            self.parts["reference"] = Part(images, pixels, parts["reference"], batch_size)
        self.unlabelled = len(np.unique(images.squat[images.label < 0]))  # squats
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
