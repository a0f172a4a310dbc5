"""Training on a GPU: an epoch of the paper's size, beside other loops on the same card and its own limits."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.home import Home
from bench.row import Row, Sides, Unavailable
from bench.training import convnet, fit_seconds, noise, operations, plain_network, squat_data
from deepsquat.optim.adam import AdamOptions
from deepsquat.processes import cores
from deepsquat.skeleton import Style

if TYPE_CHECKING:
    import torch

    from deepsquat.model.convnet import ConvNet
    from deepsquat.trainer.batches import SquatData

TRAIN, HELD, BATCH = 8544, 440, 500  # the paper's
_OPTIMIZER = AdamOptions(lr=1e-5, l2=1e-6, batch_size=BATCH)


def device() -> "torch.device":
    """The GPU.

    Raises:
        Unavailable: there is none.
    """
    import torch

    if not torch.cuda.is_available():
        raise Unavailable("torch sees no GPU here")
    return torch.device("cuda", torch.cuda.current_device())


@contextmanager
def _epoch(blocks: int, home: Home) -> Iterator[Sides]:
    model = convnet(blocks)
    data = squat_data(TRAIN, HELD, BATCH, device())
    fit = fit_seconds(data, blocks, _OPTIMIZER, "gpu")
    bare = _bare_epoch(model, data)
    yield Sides(
        ours=lambda: _settled(fit),
        reference=lambda: timed(bare),
        also={
            "limit by matrix products": lambda: TRAIN * operations(model) / matrix_product_rate(),
            "limit by bytes moved": lambda: TRAIN * least_bytes(model) / copy_rate(),
        },
    )


@contextmanager
def _compiled(home: Home) -> Iterator[Sides]:
    data = squat_data(TRAIN, HELD, BATCH, device())
    plain, compiled = (fit_seconds(data, 4, _OPTIMIZER, "gpu", how) for how in (False, True))
    yield Sides(ours=lambda: _settled(compiled), reference=lambda: _settled(plain))


@contextmanager
def _beside_files(home: Home) -> Iterator[Sides]:
    try:
        from PIL import Image
    except ImportError:
        raise Unavailable("needs Pillow, to write and read image files") from None
    model = convnet(4)
    data = squat_data(TRAIN, HELD, BATCH, device())
    folder = home.folder / "images"
    folder.mkdir()
    for i, image in enumerate(noise(TRAIN)):
        Image.fromarray(image).save(folder / f"{i:05}.png")
    fit = fit_seconds(data, 4, _OPTIMIZER, "gpu")
    yield Sides(ours=lambda: _settled(fit), reference=lambda: _files_epoch(model, folder))


def _settled(fit: Callable[[int], list[float]]) -> float:
    """Seconds of an epoch once every batch size has its graph."""
    return min(fit(7)[-2:])


def timed(work: Callable[[], Any]) -> float:
    """Seconds of work on the GPU."""
    import torch

    torch.cuda.synchronize()
    start = time.perf_counter()
    work()
    torch.cuda.synchronize()
    return time.perf_counter() - start


def _bare_epoch(model: "ConvNet", data: "SquatData") -> Callable[[], None]:
    """An epoch of a bare torch loop over images on the device: bf16, channels last, fused Adam."""
    import torch

    part = data.parts["train"]
    network = plain_network(model).to(part.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-5, weight_decay=2e-6, eps=1e-7, fused=True)

    def epoch() -> None:
        for images, label, *_ in part:
            optimizer.zero_grad(set_to_none=True)
            with torch.autocast("cuda", torch.bfloat16):
                logits = network(images.float())
            target = torch.stack([1 - label, label], dim=1).float()
            torch.nn.functional.binary_cross_entropy_with_logits(logits.float(), target).backward()
            optimizer.step()

    return epoch


def _files_epoch(model: "ConvNet", folder: Path) -> float:
    """Seconds of the second epoch of a plain Lightning loop that reads the images through a DataLoader."""
    import pytorch_lightning as pl
    import torch
    from PIL import Image
    from torch.utils.data import DataLoader, Dataset

    paths = sorted(folder.iterdir())

    class Files(Dataset):
        def __len__(self) -> int:
            return len(paths)

        def __getitem__(self, i: int) -> tuple["torch.Tensor", "torch.Tensor"]:
            image = torch.from_numpy(np.asarray(Image.open(paths[i])).copy()).permute(2, 0, 1).float()
            return image, torch.eye(2)[i % 2]

    class Plain(pl.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.network = plain_network(model)
            self.times: list[float] = []

        def on_train_epoch_start(self) -> None:
            self.times.append(time.perf_counter())

        def training_step(self, batch: Any, batch_index: int) -> "torch.Tensor":
            return torch.nn.functional.binary_cross_entropy_with_logits(self.network(batch[0]), batch[1])

        def on_train_end(self) -> None:
            torch.cuda.synchronize()
            self.times.append(time.perf_counter())

        def configure_optimizers(self) -> "torch.optim.Optimizer":
            return torch.optim.Adam(self.parameters(), lr=1e-5)

    workers = cores()
    loader = DataLoader(
        Files(), BATCH, shuffle=True, num_workers=workers, pin_memory=True, persistent_workers=True
    )
    module = Plain()
    trainer = pl.Trainer(
        accelerator="gpu",
        devices=1,
        precision="bf16-mixed",
        max_epochs=2,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(module, loader)
    return module.times[2] - module.times[1]


def least_bytes(model: "ConvNet") -> float:
    """Bytes in bf16 that training on one image must move through the card's memory, each once.

    Of what comes out of every convolution: written, read by the next layer, read again for the weights'
    gradient; its gradient written, read for the weights' and read for the input's.
    """
    style, total = Style(), 0.0
    size = (style.height, style.width)
    for filters in model.filters:
        for _ in range(2):
            size = (size[0] - model.kernel_size + 1, size[1] - model.kernel_size + 1)
            total += 6 * 2.0 * size[0] * size[1] * filters
        size = (size[0] // 2, size[1] // 2)
    return total


def matrix_product_rate(size: int = 8192, times: int = 10) -> float:
    """bf16 operations a second in a large matrix product of random numbers."""
    import torch

    a = torch.randn(size, size, device=device(), dtype=torch.bfloat16)
    a @ a
    return 2 * size**3 * times / timed(lambda: [a @ a for _ in range(times)])


def copy_rate(size: int = 2**31, times: int = 10) -> float:
    """Bytes a second, read and written, of a copy within the card's memory."""
    import torch

    a = torch.empty(size, device=device(), dtype=torch.uint8).random_()
    b = a.clone()
    return 2 * size * times / timed(lambda: [b.copy_(a) for _ in range(times)])


ROWS = (
    *(
        Row(
            name=f"gpu_{blocks}",
            what=f"an epoch of {TRAIN:,} images on the GPU, {blocks} block{'s' if blocks > 1 else ''}",
            reference="a bare torch loop of the same network, in bf16, over the same images on the device",
            unit="s",
            ready=partial(_epoch, blocks),
            more_is_better=False,
            limit=0.15 if blocks == 4 else None,
        )
        for blocks in (1, 2, 3, 4)
    ),
    Row(
        name="gpu_compile",
        what=f"an epoch of {TRAIN:,} images on the GPU, 4 blocks, trainer.compile=true",
        reference="the same with trainer.compile=false",
        unit="s",
        ready=_compiled,
        more_is_better=False,
    ),
    Row(
        name="gpu_files",
        what=f"an epoch of {TRAIN:,} images on the GPU, 4 blocks",
        reference="a plain Lightning loop that reads image files through a DataLoader",
        unit="s",
        ready=_beside_files,
        more_is_better=False,
        goal=10,
        most_repeats=2,
        warm_up=False,
    ),
)
