"""What is trained and measured: the network's loss, its metrics per image and per squat."""

from dataclasses import dataclass, field
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, one_hot

from deepsquat.errors import UserError
from deepsquat.model.convnet import ConvNet
from deepsquat.model.options import AdamOptions


class NotFinite(UserError):
    """The loss became NaN or infinite."""


Batch = tuple[Tensor, Tensor, Tensor]  # images (B, 3, H, W), labels (B,), squat numbers (B,)


def goodness(logits: Tensor) -> Tensor:
    """Probability of good form (B,) from logits (B, 2): the mean of what the two outputs say of it."""
    bad, good = logits.float().sigmoid().unbind(dim=1)
    return (good + 1 - bad) / 2


@dataclass
class _Epoch:
    """What one pass over one part of the split has given so far, kept on the device until its end."""

    bce: list[Tensor] = field(default_factory=list)
    correct: list[Tensor] = field(default_factory=list)
    penalty: list[Tensor] = field(default_factory=list)
    images: list[int] = field(default_factory=list)
    p_good: list[Tensor] = field(default_factory=list)
    label: list[Tensor] = field(default_factory=list)
    squat: list[Tensor] = field(default_factory=list)

    def metrics(self, of_steps: bool) -> dict[str, float]:
        """Means over steps (as Keras reports train) or over images, and accuracy per squat."""
        weights = torch.ones(len(self.images)) if of_steps else torch.tensor(self.images, dtype=torch.float32)
        weights = weights / weights.sum()

        def mean(values: list[Tensor]) -> float:
            return float((torch.stack(values).float().cpu() * weights).sum())

        result = {"bce": mean(self.bce), "l2_penalty": mean(self.penalty), "accuracy": mean(self.correct)}
        result["loss"] = result["bce"] + result["l2_penalty"]
        if not of_steps:
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
    values are means over the epoch's steps with dropout on.
    """

    def __init__(self, network: ConvNet, options: AdamOptions) -> None:
        super().__init__()
        self.network = network
        self.options = options
        self._epochs = {part: _Epoch() for part in ("train", "val", "test")}

    def forward(self, images: Tensor) -> Tensor:
        return self.network(images)

    def _measure(self, part: str, batch: Batch) -> Tensor:
        images, label, squat = batch
        logits = self.network(images).float()
        target = one_hot(label, 2).float()
        bce = binary_cross_entropy_with_logits(logits, target)
        with torch.no_grad():  # its gradient is added by the optimizer, at a fraction of the cost
            penalty = self.options.l2 * self.network.squared_weights()
        epoch = self._epochs[part]
        epoch.bce.append(bce.detach())
        epoch.penalty.append(penalty.detach())
        epoch.correct.append(((logits > 0) == target.bool()).float().mean())
        epoch.images.append(len(label))
        if part != "train":
            epoch.p_good.append(goodness(logits.detach()))
            epoch.label.append(label)
            epoch.squat.append(squat)
        return bce + penalty

    def training_step(self, batch: Batch, batch_index: int) -> Tensor:
        return self._measure("train", batch)

    def validation_step(self, batch: Batch, batch_index: int) -> None:
        self._measure("val", batch)

    def test_step(self, batch: Batch, batch_index: int) -> None:
        self._measure("test", batch)

    def _log_epoch(self, part: str) -> None:
        metrics = self._epochs[part].metrics(of_steps=part == "train")
        self._epochs[part] = _Epoch()
        self.log_dict({f"{part}/{name}": value for name, value in metrics.items()})

    def _refuse_nan(self, part: str) -> None:
        loss = (torch.stack(self._epochs[part].bce) + torch.stack(self._epochs[part].penalty)).cpu()
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
        self._log_epoch("train")

    def on_validation_epoch_end(self) -> None:
        self._refuse_nan("val")
        self._log_epoch("val")

    def on_test_epoch_end(self) -> None:
        self._log_epoch("test")

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Adam; the penalty's gradient, 2 * l2 * w, goes into its moments as Adam's own weight_decay does.

        That is L2 inside Adam, as in the paper, and not the decoupled decay of AdamW. Epsilon is Keras's.
        """
        penalised = self.network.penalised()
        known = {id(weight) for weight in penalised}
        rest = [p for p in self.network.parameters() if id(p) not in known]
        groups: list[dict[str, Any]] = [
            {"params": penalised, "weight_decay": 2 * self.options.l2},
            {"params": rest},
        ]
        return torch.optim.Adam(groups, lr=self.options.lr, eps=1e-7, fused=True)
