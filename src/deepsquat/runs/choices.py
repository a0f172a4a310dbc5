"""What one run is told."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytorch_lightning import Callback

from deepsquat.augment import Augment
from deepsquat.images import source_name
from deepsquat.model.network import Network
from deepsquat.optim.adam import AdamOptions
from deepsquat.skeleton import Style
from deepsquat.split import Division
from deepsquat.tracking import Options as TrackingOptions
from deepsquat.trainer.metrics import Metric
from deepsquat.trainer.options import TrainerOptions
from deepsquat.trainer.target import Target

# Those whose options are a dataclass; the model is a class of its own.
GROUPS = ("data", "pose", "skeleton", "split", "augment", "optim", "trainer", "tracking", "target")


@dataclass(frozen=True)
class Choices:
    """The options of each stage, under the name of its config group, and what belongs to no stage."""

    data: Any
    pose: Any
    skeleton: Style
    split: Division
    augment: Augment
    model: Network
    optim: AdamOptions
    trainer: TrainerOptions
    tracking: TrackingOptions
    target: Target
    metrics: Mapping[str, Metric]
    callbacks: Mapping[str, Callable[[], Callback]]  # what makes each for a training
    evaluation: Mapping[str, Any]  # further data to test on, as `data`, by name
    seed: int
    protocol: str
    protocol_note: str
    data_folder: Path
    start: Path | None = None  # of a model whose network is trained further; None: of weights by chance

    @property
    def name(self) -> str:
        """The run's name."""
        return f"{self.model.description}, l2 {self.optim.l2:g}, {source_name(self.data)}, {self.protocol}"

    def title(self, run_id: str) -> str:
        """Over a picture of the run."""
        return f"{self.name}, split by {self.split.by} ({run_id[:8]})"
