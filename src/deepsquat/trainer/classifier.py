"""What is trained and measured: the network's loss, its metrics per image and per squat."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from deepsquat.errors import UserError
from deepsquat.optim.adam import AdamOptions, adam_for
from deepsquat.trainer.steps import Step, answers, make_step, measured, penalty_of


class NotFinite(UserError):
    """The loss became NaN or infinite."""


Batch = tuple[Tensor, Tensor, Tensor]  # images (B, 3, H, W), labels (B,), squat numbers (B,)


def goodness(logits: Tensor) -> Tensor:
    """Probability of good form (B,) from logits (B, 2): the mean of what the two outputs say of it."""
    bad, good = logits.sigmoid().unbind(dim=1)
    return (good + 1 - bad) / 2


@dataclass
class _Epoch:
    """What one pass over one part of the split has given so far, kept on the device until its end."""

    measures: list[Tensor] = field(default_factory=list)  # (3,) each: bce, penalty, accuracy of a batch
    images: list[int] = field(default_factory=list)
    p_good: list[Tensor] = field(default_factory=list)
    label: list[Tensor] = field(default_factory=list)
    squat: list[Tensor] = field(default_factory=list)

    def losses(self) -> Tensor:
        """(batches,) float32 on the CPU."""
        return torch.stack(self.measures)[:, :2].sum(dim=1).cpu()

    def metrics(self) -> dict[str, float]:
        """Means over images, as Keras has it: a batch counts by its size. Per squat too, but for train."""
        weights = torch.tensor(self.images, dtype=torch.float64)
        means = (torch.stack(self.measures).cpu() * (weights / weights.sum())[:, None]).sum(dim=0).tolist()
        result = dict(zip(("bce", "l2_penalty", "accuracy"), means, strict=True))
        result["loss"] = result["bce"] + result["l2_penalty"]
        if self.p_good:
            p_good, label, squat = (torch.cat(x).cpu() for x in (self.p_good, self.label, self.squat))
            result["image_accuracy"] = float(((p_good > 0.5) == label.bool()).float().mean())
            result["squat_accuracy"] = squat_accuracy(p_good, label, squat)
        return result


def squat_accuracy(p_good: Tensor, label: Tensor, squat: Tensor) -> float:
    """Fraction of squats whose mean probability over their images falls on their label's side of a half."""
    _, number = squat.unique(return_inverse=True)
    count = torch.bincount(number)
    p = torch.bincount(number, weights=p_good.double()) / count
    truth = torch.bincount(number, weights=label.double()) / count
    return float(((p > 0.5) == (truth > 0.5)).float().mean())


class Classifier(pl.LightningModule):
    """Logs loss = bce + l2_penalty, bce, l2_penalty and accuracy under train/, val/ and test/.

    `accuracy` is element-wise over the two outputs at 0.5, as the paper reports it; `image_accuracy` counts
    images whose larger output is right; `squat_accuracy` goes by the mean over a squat's images. For train,
    values are means over the epoch's images with dropout on, each as its step saw it.
    """

    automatic_optimization = False  # a step is more than one backward: see deepsquat.trainer.steps

    def __init__(self, network: nn.Module, options: AdamOptions, compile: bool = False) -> None:
        super().__init__()
        self.network = network
        self.options = options
        self.compile_network = compile
        self._epochs = {part: _Epoch() for part in ("train", "val", "test")}
        self.p_good: dict[str, Tensor] = {}  # of all images of val and test, at the end of their last pass
        self._step: Step | None = None

    def forward(self, images: Tensor) -> Tensor:
        return self.network(images)

    def on_train_start(self) -> None:
        optimizer = self.optimizers(use_pl_optimizer=False)
        assert isinstance(optimizer, torch.optim.Optimizer)
        self._step = make_step(
            self.network,
            optimizer,
            self.options.l2,
            self.options.batch_size,
            self.device,
            self.compile_network,
        )

    def transfer_batch_to_device(self, batch: Batch, device: torch.device, dataloader_idx: int) -> Batch:
        return batch  # it lies there already

    def training_step(self, batch: Batch, batch_index: int) -> None:
        images, label, _ = batch
        assert self._step is not None
        epoch = self._epochs["train"]
        epoch.measures.append(self._step(images, label))
        epoch.images.append(len(label))

    def _measure(self, part: str, batch: Batch) -> None:
        images, label, squat = batch
        logits = answers(self.network, images)
        bce, accuracy = measured(logits, label)
        epoch = self._epochs[part]
        epoch.measures.append(torch.stack([bce, penalty_of(self.network, self.options.l2), accuracy]))
        epoch.images.append(len(label))
        epoch.p_good.append(goodness(logits))
        epoch.label.append(label)
        epoch.squat.append(squat)

    def validation_step(self, batch: Batch, batch_index: int) -> None:
        self._measure("val", batch)

    def evaluate(self, part: str, batches: Iterable[Batch], device: torch.device) -> dict[str, float]:
        """Goes through val or test, without dropout; its metrics under their names."""
        self.network.to(device).eval()
        with torch.inference_mode():
            for batch in batches:
                self._measure(part, batch)
        return self._ended(part)

    def _ended(self, part: str) -> dict[str, float]:
        epoch, self._epochs[part] = self._epochs[part], _Epoch()
        if part != "train":
            self.p_good[part] = torch.cat(epoch.p_good)
        metrics = epoch.metrics()
        return {f"{part}/{name}": value for name, value in metrics.items()}

    def _refuse_nan(self, part: str) -> None:
        loss = self._epochs[part].losses()
        wrong = (~loss.isfinite()).nonzero()
        if len(wrong):
            epoch, step = self.current_epoch, int(wrong[0])
            raise NotFinite(
                f"{part}/loss became {float(loss[step])} at step {step + 1} of epoch {epoch + 1}; "
                f"lower optim.lr (now {self.options.lr:g})"
            )

    def on_validation_epoch_start(self) -> None:
        self._refuse_nan("train")  # before anything is measured with broken weights

    def on_train_epoch_end(self) -> None:
        self.log_dict(self._ended("train"))

    def on_validation_epoch_end(self) -> None:
        self._refuse_nan("val")
        self.log_dict(self._ended("val"))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return adam_for(self.network, self.options)
