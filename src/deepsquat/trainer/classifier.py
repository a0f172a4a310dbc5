"""What is trained and measured: the network's loss, its metrics per image and per squat."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import pytorch_lightning as pl
import torch
from torch import Tensor

from deepsquat.errors import UserError
from deepsquat.model.network import Network
from deepsquat.optim.adam import Adam, AdamOptions, adam_for
from deepsquat.trainer.loss import Loss
from deepsquat.trainer.metrics import Answers, Metric
from deepsquat.trainer.steps import Step, answers, make_step, penalty_of
from deepsquat.trainer.target import Batch, Target


class NotFinite(UserError):
    """The loss became NaN or infinite."""


@dataclass
class _Epoch:
    """What one pass over one part of the split has given so far, kept on the device until its end."""

    measures: list[Tensor] = field(default_factory=list)  # (2,) each: loss and L2 term of a batch
    outputs: list[Tensor] = field(default_factory=list)
    truth: list[Tensor] = field(default_factory=list)
    squat: list[Tensor] = field(default_factory=list)

    def add(self, measures: Tensor, outputs: Tensor, truth: Tensor, squat: Tensor) -> None:
        self.measures.append(measures)
        self.outputs.append(outputs)
        self.truth.append(truth)
        self.squat.append(squat)

    def losses(self) -> Tensor:
        """(batches,) float32 on the CPU."""
        return torch.stack(self.measures).sum(dim=1).cpu()

    def means(self) -> tuple[float, float]:
        """Loss and L2 term: means over images, as Keras has it, where a batch counts by its size."""
        weights = torch.tensor([len(truth) for truth in self.truth], dtype=torch.float64)
        weights = weights / weights.sum()
        loss, penalty = (torch.stack(self.measures).cpu() * weights[:, None]).sum(dim=0).tolist()
        return loss, penalty

    def answers(self, target: Target) -> Answers:
        outputs = torch.cat(self.outputs)
        truth, squat, p_good = torch.cat(self.truth), torch.cat(self.squat), target.p_good(outputs)
        return Answers(outputs.cpu(), truth.cpu(), p_good.cpu(), squat.cpu())


class Classifier(pl.LightningModule):
    """Logs loss = bce + l2_penalty, its parts, and every metric under train/, val/ and test/.

    For train, values are those of the epoch's images with dropout on, each as its step saw it.
    """

    automatic_optimization = False  # a step is more than one backward: see deepsquat.trainer.steps

    def __init__(
        self,
        network: Network,
        target: Target,
        metrics: Mapping[str, Metric],
        options: AdamOptions,
        compile: bool = False,
    ) -> None:
        super().__init__()
        self.chosen, self.target, self.metrics = network, target, metrics
        self.network = network.make().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.options = options
        self.compile_network = compile
        self._epochs = {part: _Epoch() for part in ("train", "val", "test")}
        self.p_good: dict[str, Tensor] = {}  # of all images of val and test, at the end of their last pass
        self._step: Step | None = None

    @property
    def loss(self) -> Loss:
        """Of the weights where they lie now."""
        penalised = [self.network.get_parameter(name) for name in self.chosen.penalised]
        return Loss(self.target, penalised, self.options.l2)

    def on_train_epoch_start(self) -> None:
        if self.options.decay == "none":
            return
        optimizer = self.optimizers(use_pl_optimizer=False)
        assert isinstance(optimizer, Adam) and self.trainer.max_epochs is not None
        optimizer.set_rate(self.options.rate(self.current_epoch, self.trainer.max_epochs))

    def on_train_start(self) -> None:
        optimizer = self.optimizers(use_pl_optimizer=False)
        assert isinstance(optimizer, torch.optim.Optimizer)
        self._step = make_step(
            self.network,
            self.loss,
            optimizer,
            self.options.batch_size,
            self.device,
            self.chosen.bytes_per_image,
            self.compile_network,
        )

    def transfer_batch_to_device(self, batch: Batch, device: torch.device, dataloader_idx: int) -> Batch:
        return batch  # it lies there already

    def training_step(self, batch: Batch, batch_index: int) -> None:
        assert self._step is not None
        truth = self.target.truth(batch)
        with self.chosen.at_work():
            measures, outputs = self._step(self.target.inputs(batch), truth)
        self._epochs["train"].add(measures, outputs, batch[1], batch[2])

    def said_good(self, batch: Batch) -> Tensor:
        """The probability of good form (B,) of each image, without dropout where the network is set so."""
        return self.target.p_good(self.outputs_of(batch))

    def outputs_of(self, batch: Batch) -> Tensor:
        """What the network says (B, outputs) of each image."""
        with self.chosen.at_work():
            return answers(self.network, self.target.inputs(batch), self.chosen.bytes_per_image)

    def _measure(self, part: str, batch: Batch) -> None:
        truth = self.target.truth(batch)
        outputs = self.outputs_of(batch)
        measures = torch.stack([self.target.loss(outputs, truth), penalty_of(self.loss, outputs.device)])
        self._epochs[part].add(measures, outputs, batch[1], batch[2])

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
        loss, penalty = epoch.means()
        answers = epoch.answers(self.target)
        if part != "train":
            self.p_good[part] = answers.p_good
        found = {self.target.loss_name: loss, "l2_penalty": penalty, "loss": loss + penalty}
        found |= {name: float(metric(answers)) for name, metric in self.metrics.items()}
        return {f"{part}/{name}": value for name, value in found.items()}

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
        self._refuse_nan("train")  # val may not have been due
        self.log_dict(self._ended("train"))

    def on_validation_epoch_end(self) -> None:
        self._refuse_nan("val")
        self.log_dict(self._ended("val"))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return adam_for(self.network, self.options, self.loss.penalised)
