"""Steps and val that are not those of whole epochs: what is reported, and that a resumed run ends alike."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import pytorch_lightning as pl
import torch

from deepsquat.augment import Augment
from deepsquat.errors import UserError
from deepsquat.images import Images
from deepsquat.model.convnet import ConvNet
from deepsquat.model.network import tried
from deepsquat.optim.adam import AdamOptions
from deepsquat.skeleton import Style
from deepsquat.trainer.batches import SquatData, items_of
from deepsquat.trainer.callbacks import EpochEnd, EpochSeeds
from deepsquat.trainer.classifier import Classifier
from deepsquat.trainer.options import TrainerOptions, make_trainer
from deepsquat.trainer.target import GoodOrBad

SIZE = 16


def squat_data(steps: int) -> SquatData:
    """Twelve squats of one image each, a lit box in the black, ten of them to train on."""
    n = 12
    images = np.zeros((n, SIZE, SIZE, 3), np.uint8)
    images[:, 4:9, 5:9] = np.random.default_rng(0).integers(1, 256, (n, 5, 4, 3))
    names, empty = np.array([f"{i}#0" for i in range(n)]), np.full(n, "")
    given = Images(
        images=images,
        points=np.zeros((n, 36, 2), np.float32),
        squat=names,
        video=names,
        subject=empty,
        faults=empty,
        label=(np.arange(n) % 2).astype(np.int8),
        frame=np.zeros(n, np.int32),
        time=np.zeros(n),
        fingerprint=np.array("f"),
        source=np.array("test"),
        drawn_as=np.array("plain"),
    )
    items = items_of(given)
    parts = {"train": items[:10], "val": items[10:11], "test": items[11:]}
    device = torch.device("cpu")
    return SquatData(given, parts, 4, 0, Augment(), Style(SIZE, SIZE), device, None, steps)


def fit(
    folder: Path,
    epochs: int,
    resume: bool = False,
    patience: int | None = None,
    lower: Sequence[bool] = (),
    own: Sequence[pl.Callback] = (),
    val_every: int = 2,
) -> tuple[dict[int, set[str]], dict[str, torch.Tensor]]:
    """What each epoch reported, by name, and the last weights; three steps an epoch.

    lower: of each measure, whether its val/loss counts as the lowest so far, whatever it is.
    """
    told: dict[int, set[str]] = {}
    torch.manual_seed(0)
    network = tried(ConvNet, {"height": SIZE, "width": SIZE, "blocks": 1}, (3, SIZE, SIZE), 2)
    options = AdamOptions(lr=1e-3, l2=1e-3, batch_size=4)
    classifier = Classifier(network, GoodOrBad(), {}, options)
    end = EpochEnd(folder, "a" * 32, lambda metrics, epoch: told.update({epoch: set(metrics)}), patience)
    measures = iter(lower)

    class Lower(pl.Callback):
        """Before EpochEnd, which looks whether it is."""

        def on_validation_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
            if lower:
                end.best_loss = float("inf") if next(measures) else -float("inf")

    trainer_options = TrainerOptions("cpu", epochs, steps_per_epoch=3, val_every=val_every)
    trainer = make_trainer(trainer_options, [Lower(), EpochSeeds(0), *own, end])
    trainer.fit(
        classifier, datamodule=squat_data(3), ckpt_path=end.last if resume else None, weights_only=True
    )
    return told, classifier.network.state_dict()


def test_val_is_reported_where_it_was_measured_and_a_resumed_run_ends_alike(tmp_path: Path) -> None:
    told, whole = fit(tmp_path / "whole", 7)
    assert [epoch for epoch in told if "val/loss" in told[epoch]] == [2, 4, 6, 7]
    assert all("train/loss" in names for names in told.values()) and list(told) == [1, 2, 3, 4, 5, 6, 7]
    fit(tmp_path / "parts", 4)
    told, resumed = fit(tmp_path / "parts", 7, resume=True)
    assert [epoch for epoch in told if "val/loss" in told[epoch]] == [6, 7] and list(told) == [5, 6, 7]
    assert all(torch.equal(value, resumed[name]) for name, value in whole.items())


def test_it_ends_where_val_loss_has_not_been_lower_for_long_enough(tmp_path: Path) -> None:
    """Val is measured every other epoch: lowest after epoch 4, and at epoch 8 four without have passed."""
    lower = (True, True, False, False, True)
    told, ended = fit(tmp_path / "whole", 20, patience=3, lower=lower)
    assert list(told) == [1, 2, 3, 4, 5, 6, 7, 8]
    kept = torch.load(tmp_path / "whole" / "last.ckpt", weights_only=True)
    assert (
        kept["epoch"] == 7 and torch.load(tmp_path / "whole" / "best.ckpt", weights_only=True)["epoch"] == 3
    )
    told, again = fit(tmp_path / "whole", 20, resume=True, patience=3, lower=lower)
    assert not told and all(torch.equal(value, again[name]) for name, value in ended.items())
    told, _ = fit(tmp_path / "patient", 8, patience=5, lower=lower)
    assert list(told) == [1, 2, 3, 4, 5, 6, 7, 8]


class Enough(pl.Callback):
    """Ends a training after so many measures of val, however often it was interrupted."""

    def __init__(self, measures: int) -> None:
        self.measures, self.left = measures, measures

    def state_dict(self) -> dict[str, int]:
        return {"left": self.left}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.left = state["left"]

    def on_validation_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        self.left -= 1
        trainer.should_stop |= self.left == 0


def test_a_callback_of_ones_own_may_end_a_training_and_goes_on_where_it_was(tmp_path: Path) -> None:
    """Val is measured after epochs 2, 4 and 6, and after the last."""
    told, whole = fit(tmp_path / "whole", 20, own=[Enough(3)])
    assert list(told) == [1, 2, 3, 4, 5, 6]
    fit(tmp_path / "parts", 4, own=[Enough(3)])
    told, resumed = fit(tmp_path / "parts", 20, resume=True, own=[Enough(3)])
    assert list(told) == [5, 6]
    assert all(torch.equal(value, resumed[name]) for name, value in whole.items())
    told, _ = fit(tmp_path / "parts", 20, resume=True, own=[Enough(3)])
    assert not told


class At(pl.Callback):
    """Ends a training after an epoch, whether val is measured then or not."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def on_train_epoch_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        trainer.should_stop |= trainer.current_epoch + 1 == self.epoch


@pytest.mark.parametrize(("asked", "ends"), [(1, 2), (2, 2), (3, 4)])
def test_a_training_that_is_ended_ends_with_an_epoch_that_val_is_of(
    tmp_path: Path, asked: int, ends: int
) -> None:
    told, _ = fit(tmp_path / "whole", 20, own=[At(asked)])
    assert list(told) == list(range(1, ends + 1)) and "val/loss" in told[ends]
    assert torch.load(tmp_path / "whole" / "best.ckpt", weights_only=True)["weights"]


class Broken(pl.Callback):
    """Cuts a training off in its second epoch."""

    def on_train_epoch_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        if trainer.current_epoch == 1:
            raise RuntimeError("cut off")


@pytest.mark.parametrize("val_every", [2, 3])
def test_cut_off_in_the_epoch_that_it_was_to_end_with_it_ends_with_that_one(
    tmp_path: Path, val_every: int
) -> None:
    told, whole = fit(tmp_path / "whole", 20, own=[At(1)], val_every=val_every)
    assert list(told) == [1, 2]
    with pytest.raises(RuntimeError, match="cut off"):
        fit(tmp_path / "parts", 20, own=[At(1), Broken()], val_every=val_every)
    told, resumed = fit(tmp_path / "parts", 20, resume=True, own=[At(1)], val_every=val_every)
    assert list(told) == [2] and "val/loss" in told[2]
    assert all(torch.equal(value, resumed[name]) for name, value in whole.items())


def test_seconds_of_a_run_that_was_resumed_are_those_of_all_its_parts(tmp_path: Path) -> None:
    end = EpochEnd(tmp_path, "a" * 32, lambda metrics, epoch: None)
    end.load_state_dict({**end.state_dict(), "seconds": 100.0})
    assert 100 <= end.seconds < 101 and 100 <= end.state_dict()["seconds"] < 101


@pytest.mark.parametrize(
    "values", [{"steps_per_epoch": 0}, {"val_every": 0}, {"max_epochs": 0}, {"patience": 0}]
)
def test_no_steps_and_no_val_are_refused(values: dict[str, int]) -> None:
    with pytest.raises(UserError, match=f"trainer.{next(iter(values))} must be"):
        TrainerOptions(**values)  # type: ignore[arg-type]
