"""Training: the paper's network through the program's own loop, beside the same network in a bare one."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.home import Home
from bench.row import Row, Sides, Unavailable
from deepsquat.optim.adam import AdamOptions
from deepsquat.skeleton import Style

if TYPE_CHECKING:
    import torch
    from torch import nn

    from deepsquat.model.convnet import ConvNet
    from deepsquat.trainer.batches import SquatData

BATCH = 100  # the paper's 500 would take half a minute a step, and 18 GB for one block in the bare loop
KERAS = "DEEPSQUAT_BENCH_KERAS"  # the Python of an environment that has Keras and TensorFlow
_STYLE = Style()
_OPTIMIZER = AdamOptions(lr=1e-5, l2=1e-6, batch_size=BATCH)


def noise(images: int, seed: int = 0) -> np.ndarray:
    """(images, 192, 108, 3) uint8: noise on black where a figure would be, never the same twice.

    Of the paper's drawn squats eight in ten fill boxes of 61 to 94 by 40 to 57 pixels, a third of them lit;
    every second image stands for one that is zoomed out by half.
    """
    random = np.random.default_rng(seed)
    made = np.zeros((images, _STYLE.height, _STYLE.width, 3), np.uint8)
    for i, image in enumerate(made):
        tall, wide = random.integers((61, 40), (95, 58)) // (1 + i % 2)
        top, left = random.integers(_STYLE.height - tall), random.integers(_STYLE.width - wide)
        lit = random.random((tall, wide, 1)) < 0.35
        image[top : top + tall, left : left + wide] = lit * random.integers(1, 256, (tall, wide, 3))
    return made


def squat_data(train: int, held: int, batch_size: int, device: "torch.device") -> "SquatData":
    """`train` images to train on and `held` in val and in test, one image a squat."""
    from deepsquat.augment import Augment
    from deepsquat.images import Images
    from deepsquat.split import Item
    from deepsquat.trainer.batches import SquatData

    n = train + 2 * held
    ids = np.array([f"squat {i}" for i in range(n)])
    label = (np.arange(n) % 2).astype(np.int8)
    empty = np.full(n, "")
    images = Images(
        images=noise(n),
        points=np.zeros((n, 36, 2), np.float32),
        squat=ids,
        video=ids,
        subject=empty,
        faults=empty,
        label=label,
        frame=np.zeros(n, np.int32),
        time=np.zeros(n),
        fingerprint=np.array("noise"),
        source=np.array("noise"),
        drawn_as=np.array("noise"),
    )
    items = [Item(str(i), str(i), "", int(one)) for i, one in zip(ids, label, strict=True)]
    parts = {"train": items[:train], "val": items[train : train + held], "test": items[train + held :]}
    return SquatData(images, parts, batch_size, 0, Augment(), _STYLE, device)


def convnet(blocks: int, kernel_size: int = 3) -> "ConvNet":
    """The paper's network, its weights on the device that holds nothing: for its sizes alone."""
    import torch

    from deepsquat.model.convnet import ConvNet

    with torch.device("meta"):
        return ConvNet(_STYLE.height, _STYLE.width, blocks, kernel_size)


def fit_seconds(
    data: "SquatData", blocks: int, optim: AdamOptions, accelerator: str, compile: bool = False
) -> Callable[[int], list[float]]:
    """A function of a number of epochs that trains so many through the program's own loop; seconds of each.

    An epoch is from its first step's start to the next one's, val included.
    """
    import pytorch_lightning as pl
    import torch
    from omegaconf import OmegaConf

    from deepsquat.commands.options import build_metrics
    from deepsquat.model.convnet import ConvNet
    from deepsquat.model.network import tried
    from deepsquat.trainer.callbacks import EpochSeeds
    from deepsquat.trainer.classifier import Classifier
    from deepsquat.trainer.options import TrainerOptions, make_trainer
    from deepsquat.trainer.target import GoodOrBad

    class Clock(pl.Callback):
        def on_train_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
            self.times = [time.perf_counter()]

        def on_train_epoch_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
            self.times.append(time.perf_counter())  # the epoch's metrics were fetched: the device is done

    torch.manual_seed(0)
    sizes = {"height": _STYLE.height, "width": _STYLE.width}
    network = tried(ConvNet, {**sizes, "blocks": blocks}, (3, *sizes.values()), 2)
    classifier = Classifier(network, GoodOrBad(), build_metrics(OmegaConf.create()), optim, compile)

    def train(epochs: int) -> list[float]:
        clock = Clock()
        trainer = make_trainer(TrainerOptions(accelerator, epochs), [EpochSeeds(0), clock])
        trainer.fit(classifier, datamodule=data)
        return np.diff(clock.times).tolist()

    return train


def plain_network(model: "ConvNet", dropout: float = 0.25) -> "nn.Sequential":
    """The paper's network, written as one would."""
    from torch import nn

    layers: list[nn.Module] = []
    channels = 3
    for filters in model.filters:
        layers += [nn.Conv2d(channels, filters, model.kernel_size), nn.ReLU()]
        layers += [nn.Conv2d(filters, filters, model.kernel_size), nn.ReLU()]
        layers += [nn.MaxPool2d(2), nn.Dropout(dropout)]
        channels = filters
    layers.append(nn.Flatten())
    for a, b in pairwise(model.units):
        layers += [nn.Linear(a, b), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(model.units[-1], 2))


def bare_step(model: "ConvNet", images: np.ndarray) -> Callable[[], None]:
    """One step of a bare torch loop over all images: channels last, Adam with its weight decay, fused."""
    import torch

    network = plain_network(model).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-5, weight_decay=2e-6, eps=1e-7, fused=True)
    x = torch.from_numpy(images).permute(0, 3, 1, 2)
    target = torch.eye(2)[torch.arange(len(x)) % 2]

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        torch.nn.functional.binary_cross_entropy_with_logits(network(x.float()), target).backward()
        optimizer.step()

    return step


def operations(model: "ConvNet") -> float:
    """Floating point operations to train on one image: forward, and backward to weights and to inputs.

    Each is a multiplication and an addition for every weight and place; the first layer's input needs no
    gradient.
    """
    total, size, channels = 0.0, (_STYLE.height, _STYLE.width), 3
    for filters in model.filters:
        for inputs in (channels, filters):
            size = (size[0] - model.kernel_size + 1, size[1] - model.kernel_size + 1)
            once = 2.0 * size[0] * size[1] * model.kernel_size**2 * inputs * filters
            total += once * (2 if inputs == 3 else 3)
        size, channels = (size[0] // 2, size[1] // 2), filters
    return total + sum(3 * 2.0 * a * b for a, b in pairwise((*model.units, 2)))


def matrix_product_rate(size: int = 2048) -> float:
    """float32 operations a second in a large matrix product on all cores."""
    import torch

    a = torch.randn(size, size)
    start = time.perf_counter()
    a @ a
    return float(2 * size**3 / (time.perf_counter() - start))


@contextmanager
def _training(blocks: int, home: Home) -> Iterator[Sides]:
    import torch

    model = convnet(blocks)
    data = squat_data(2 * BATCH, 4, BATCH, torch.device("cpu"))
    fit = fit_seconds(data, blocks, _OPTIMIZER, "cpu")
    step = bare_step(model, data.parts["train"].pixels[:BATCH].numpy())
    yield Sides(
        # Two steps an epoch and four images of val, which are counted too.
        ours=lambda: (2 * BATCH + 4 / 3) / fit(1)[0],
        reference=lambda: BATCH / _seconds(step),
        also={"limit by matrix products": lambda: matrix_product_rate() / operations(model)},
    )


@contextmanager
def _beside_keras(home: Home) -> Iterator[Sides]:
    import torch

    python = os.environ.get(KERAS)
    if not python:
        raise Unavailable("make bench-keras sets up Keras and TensorFlow")
    data = squat_data(2 * BATCH, 4, BATCH, torch.device("cpu"))
    fit = fit_seconds(data, 4, _OPTIMIZER, "cpu")
    path = home.folder / "images.npy"
    np.save(path, data.parts["train"].pixels[:BATCH].numpy())
    script = Path(__file__).with_name("keras_network.py")
    with subprocess.Popen(
        [python, str(script), str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"},
    ) as keras:
        yield Sides(
            ours=lambda: (2 * BATCH + 4 / 3) / fit(1)[0],
            reference=lambda: BATCH / _asked(keras),
        )
        keras.kill()


def _asked(process: "subprocess.Popen[str]") -> float:
    """Seconds of one step, from the process that trains in Keras; it rests meanwhile."""
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write("step\n")
    process.stdin.flush()
    return float(process.stdout.readline())


def _seconds(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _rows() -> Sequence[Row]:
    return [
        *(
            Row(
                name=f"train_{blocks}",
                what=f"training, {blocks} block{'s' if blocks > 1 else ''}",
                reference=f"a bare torch loop of the same network, batch {BATCH}",
                unit="images/s",
                ready=partial(_training, blocks),
                goal=0.97,
            )
            for blocks in (1, 2, 3, 4)
        ),
        Row(
            name="train_keras",
            what="training, 4 blocks",
            reference=f"the same network in Keras on TensorFlow, batch {BATCH}",
            unit="images/s",
            ready=_beside_keras,
            goal=1.3,
        ),
    ]


ROWS = tuple(_rows())
