"""What happens beside the steps of a training: seeds, metrics to the run, checkpoints, progress."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Checkpoint

from deepsquat.processes import uninterrupted
from deepsquat.terminal import OneLine
from deepsquat.trainer import checkpoint


class EpochSeeds(pl.Callback):
    """Makes each epoch's order of images and dropout depend on the seed and the epoch alone.

    So a run that is resumed after epoch n goes on exactly as if it had not stopped. Val is measured after the
    last epoch in any case.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_epoch_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        trainer.train_dataloader.set_epoch(trainer.current_epoch)  # type: ignore[union-attr]
        torch.manual_seed(self.seed * 1_000_003 + trainer.current_epoch)
        if trainer.current_epoch + 1 == trainer.max_epochs:
            trainer.check_val_every_n_epoch = 1


class EpochEnd(Checkpoint):
    """Hands an epoch's metrics on, all in one call, then writes the checkpoints.

    In that order, so that a run resumed from a checkpoint lacks no epoch's metrics. `last.ckpt` is what a run
    is resumed from, `best.ckpt` holds the weights of the lowest val/loss; both name the run. Both are written
    after an epoch, and always after the last one. Where writing takes more than a twentieth of the time since
    the last writing, it waits for a later epoch.
    """

    def __init__(
        self,
        folder: Path,
        run_id: str,
        report: Callable[[dict[str, float], int], None],
        patience: int | None = None,
    ) -> None:
        """patience: the training ends where val/loss has not been lower for so many epochs; None: never."""
        self.run_id, self.report, self.patience = run_id, report, patience
        self.ended_early = self._ends_with_val = False
        self._fitted, self._begun = 0.0, time.monotonic()
        self.last, self.best = folder / checkpoint.LAST, folder / checkpoint.BEST
        self.best_loss, self.best_epoch = float("inf"), -1
        self.best_weights: dict[str, torch.Tensor] = {}
        self._val_is_new = False
        self._written, self._cost = 0.0, 0.0

    def state_dict(self) -> dict[str, Any]:
        return {
            "loss": self.best_loss,
            "epoch": self.best_epoch,
            "weights": self.best_weights,
            "ended_early": self.ended_early,
            "ends_with_val": self._ends_with_val,
            "seconds": self.seconds,
        }

    @property
    def seconds(self) -> float:
        """That it has trained, those before it was interrupted among them."""
        return self._fitted + time.monotonic() - self._begun

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.best_loss, self.best_epoch = state["loss"], state["epoch"]
        self.best_weights = state["weights"]
        # Checkpoints of earlier versions have none of these.
        self.ended_early = state.get("ended_early", False)
        self._ends_with_val = state.get("ends_with_val", False)
        self._fitted = state.get("seconds", 0.0)

    def on_train_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        self._begun = time.monotonic()
        if self._ends_with_val:  # it was killed in its last epoch
            trainer.check_val_every_n_epoch = 1
        trainer.should_stop |= self.ended_early  # killed between its last epoch and its end, it has no other

    def on_save_checkpoint(
        self, trainer: pl.Trainer, module: pl.LightningModule, saved: dict[str, Any]
    ) -> None:
        saved["run"] = self.run_id

    def on_validation_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        self._val_is_new = True
        loss = float(trainer.callback_metrics["val/loss"])
        if loss < self.best_loss:
            self.best_loss, self.best_epoch = loss, trainer.current_epoch
            # On their device: a copy to the host after every epoch would cost more than some epochs.
            self.best_weights = {k: v.detach().clone() for k, v in module.network.state_dict().items()}  # type: ignore[union-attr]

    def on_train_epoch_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        metrics = {
            key: float(value)
            for key, value in trainer.callback_metrics.items()
            if self._val_is_new or not key.startswith("val/")  # else an earlier epoch's, which stays there
        }
        waited = trainer.current_epoch - self.best_epoch
        if self.patience is not None and self._val_is_new and waited >= self.patience:
            trainer.should_stop = True
        if self._val_is_new:
            trainer.should_stop |= self._ends_with_val
        elif trainer.should_stop:  # a callback ends it: after the next epoch, for which val is measured
            trainer.should_stop, self._ends_with_val = False, True
            trainer.check_val_every_n_epoch = 1
        self.ended_early = trainer.should_stop  # another callback may have wanted it too
        self._val_is_new = False
        with uninterrupted():
            self.report(metrics, trainer.current_epoch + 1)
            self._write(trainer)

    def _write(self, trainer: pl.Trainer) -> None:
        now = time.monotonic()
        finished = self.ended_early or trainer.current_epoch + 1 == trainer.max_epochs
        if not finished and now - self._written < 20 * self._cost:
            return
        if not self._written:  # after a first epoch their states are what they will be
            others = [one for one in trainer.callbacks if one is not self]  # type: ignore[attr-defined]
            checkpoint.refuse_unreadable({type(one).__name__: one.state_dict() for one in others})
        checkpoint.write(self.last, trainer.save_checkpoint)
        checkpoint.write_weights(self.best, self.best_weights, self.best_epoch, self.run_id)
        self._written = time.monotonic()
        self._cost = self._written - now


class Progress(pl.Callback):
    """One bar over the whole training, with the time left and the last epoch's metrics."""

    def __init__(self) -> None:
        self.bar: Any = None

    def on_train_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        steps = int(trainer.num_training_batches)
        assert trainer.max_epochs is not None
        self.bar = OneLine(
            total=trainer.max_epochs * steps,
            initial=trainer.current_epoch * steps,
            unit="step",
            desc=f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}",
            dynamic_ncols=True,
        )

    def on_train_epoch_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        self.bar.set_description(f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}", refresh=False)
        self._show_metrics(trainer)

    def on_train_batch_end(self, *args: Any, **kwargs: Any) -> None:
        self.bar.update()

    def _show_metrics(self, trainer: pl.Trainer) -> None:
        shown = {
            "loss": "train/loss",
            "val": "val/loss",
            "acc": "train/accuracy",
            "val acc": "val/accuracy",
            "squats": "val/squat_accuracy",
        }
        metrics = trainer.callback_metrics
        values = {name: f"{float(metrics[key]):.3f}" for name, key in shown.items() if key in metrics}
        self.bar.set_postfix(values, refresh=False)
        self.bar.more = [f"{name} {value}" for name, value in values.items()]

    def on_train_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        self._show_metrics(trainer)
        self.bar.close()

    def on_exception(self, trainer: pl.Trainer, module: pl.LightningModule, error: BaseException) -> None:
        if self.bar is not None:
            self.bar.close()
