"""The first layers of a network, computed only where an image is not black: the same result for less work.

Pose images are black but for a figure. Away from it, layers that look at a few pixels each give one and the
same value, or, near the image's edges, what they give at the edges of any black image. So the layers are run
on a crop round each figure and on one small black image, which stands for the rest of them all.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

_ROUNDING = (
    4  # cells; a crop's sides are multiples of it, since a convolution of a new size is prepared first
)
_WORTHWHILE = 0.8  # share of the cells; where more lie in crops, the images are taken whole
# What these give at a place depends on the input there alone.
_AT_A_PLACE = (
    nn.ReLU,
    nn.ReLU6,
    nn.LeakyReLU,
    nn.ELU,
    nn.SELU,
    nn.SiLU,
    nn.GELU,
    nn.Sigmoid,
    nn.Tanh,
    nn.Identity,
)


@dataclass(frozen=True)
class _Axis:
    """How the layers' output, a row of `cells`, lies over an axis of `pixels`.

    Cell i sees the pixels from i * step - before up to, not including, i * step - before + extent, of which
    those outside the image are the layers' own padding.
    """

    pixels: int
    cells: int
    step: int
    extent: int
    before: int

    @property
    def at_start(self) -> int:
        """Cells that see padding before the first pixel."""
        return min(self.cells, math.ceil(self.before / self.step))

    @property
    def at_end(self) -> int:
        """Cells that see padding after the last pixel."""
        inside = (self.pixels + self.before - self.extent) // self.step + 1
        return min(self.cells, max(0, self.cells - inside))

    def lit(self, first: int, last: int) -> tuple[int, int]:
        """The first cell that sees any of these pixels, and how many: a few more, for a round number."""
        start = max(0, (first + self.before - self.extent) // self.step + 1)
        stop = min(self.cells, (last + self.before) // self.step + 1)
        size = min(self.cells, max(0, math.ceil((stop - start) / _ROUNDING) * _ROUNDING))
        return min(start, self.cells - size), size

    def crop(self, start: int, size: int) -> tuple[slice, slice]:
        """The pixels to cut out for these cells, and which cells of the cut-out's output they are.

        Cells near a cut see padding in the place of pixels; so it is further out, or at the image's edge.
        """
        first = max(0, start - math.ceil(self.before / self.step))
        stop = (start + size - 1) * self.step - self.before + self.extent
        return slice(first * self.step, min(self.pixels, stop)), slice(start - first, start - first + size)

    @property
    def black_pixels(self) -> int:
        """The length of the shortest black image that has every kind of cell."""
        return self.pixels - self.step * (self.cells - self.black_cells)

    @property
    def black_cells(self) -> int:
        return min(self.cells, self.at_start + 1 + self.at_end)


def near_figure(layers: Sequence[nn.Module], images: Tensor) -> Tensor:
    """What the layers, one after the other, give of images (B, C, H, W): (B, D, R, S), as they would alone.

    layers: convolutions, pooling, and functions of each value alone; no dropout, and nothing that looks at
    the whole image. Sums are taken in another order than by the layers alone. It is done on a CPU, where no
    gradient towards the images is wanted and it is less work: a GPU would wait to hear where the figures are.

    Raises:
        TypeError: a layer is none of these.
    """
    if torch.compiler.is_compiling():  # or exported: no value may be asked for
        return _through(layers, images)
    if images.device.type != "cpu" or images.requires_grad or not len(images):
        return _through(layers, images)
    rows, columns = _axes(layers, images.shape[2], images.shape[3])
    boxes = [_box(image, rows, columns) for image in images]
    crops = sum(tall * wide for _, tall, _, wide in boxes)
    if min(rows.cells, columns.cells) < 1 or crops > _WORTHWHILE * rows.cells * columns.cells * len(images):
        return _through(layers, images)
    figures = []
    for i, (top, tall, left, wide) in enumerate(boxes):
        (y, its_rows), (x, its_columns) = rows.crop(top, tall), columns.crop(left, wide)
        if tall and wide:
            figures.append(_through(layers, images[i : i + 1, :, y, x])[:, :, its_rows, its_columns])
    background = _background(layers, images, rows, columns)
    return _Pasted.apply(background, boxes, _memory_format(images), *figures)


def _through(layers: Sequence[nn.Module], x: Tensor) -> Tensor:
    for layer in layers:
        x = layer(x)
    return x


def _axes(layers: Sequence[nn.Module], height: int, width: int) -> tuple[_Axis, _Axis]:
    found = []
    for axis, pixels in enumerate((height, width)):
        cells, step, extent, before = pixels, 1, 1, 0
        for layer in layers:
            if isinstance(layer, _AT_A_PLACE):
                continue
            size, stride, padding = _window(layer, axis)
            cells = max(0, (cells + sum(padding) - size) // stride + 1)
            extent, before, step = extent + (size - 1) * step, before + padding[0] * step, step * stride
        found.append(_Axis(pixels, cells, step, extent, before))
    return found[0], found[1]


def _window(layer: nn.Module, axis: int) -> tuple[int, int, tuple[int, int]]:
    """Size, stride, and padding before and after, of a layer's window along an axis."""
    if not isinstance(layer, nn.Conv2d | nn.MaxPool2d | nn.AvgPool2d):
        raise TypeError(f"{type(layer).__name__} cannot be computed near the figure alone")
    kernel, stride, dilation = (
        _of(getattr(layer, name, 1), axis) for name in ("kernel_size", "stride", "dilation")
    )
    if getattr(layer, "ceil_mode", False) or getattr(layer, "padding_mode", "zeros") != "zeros":
        raise TypeError(f"{layer} cannot be computed near the figure alone")
    size = (kernel - 1) * dilation + 1
    if layer.padding == "same":  # of an odd number the larger half goes behind, as torch has it
        return size, stride, ((size - 1) // 2, size // 2)
    padding = 0 if layer.padding == "valid" else _of(layer.padding, axis)
    return size, stride, (padding, padding)


def _of(value: Any, axis: int) -> int:
    return int(value[axis]) if isinstance(value, tuple) else int(value)


def _box(image: Tensor, rows: _Axis, columns: _Axis) -> tuple[int, int, int, int]:
    """First row and rows, first column and columns, of the cells that see a figure; none in a black image."""
    place = []
    for axis, along in ((rows, 2), (columns, 1)):
        others = (0, along)
        lit = torch.nonzero((image.amax(others) != 0) | (image.amin(others) != 0)).flatten()
        place.append(axis.lit(int(lit[0]), int(lit[-1])) if len(lit) else (0, 0))
    return (*place[0], *place[1])


def _background(layers: Sequence[nn.Module], images: Tensor, rows: _Axis, columns: _Axis) -> Tensor:
    """(1, D, R, S): of a black image."""
    black = images.new_zeros(1, images.shape[1], rows.black_pixels, columns.black_pixels)
    background = _through(layers, black.contiguous(memory_format=_memory_format(images)))
    for dimension, axis in ((2, rows), (3, columns)):
        if 1 < axis.black_cells < axis.cells:
            end = axis.cells - axis.at_end
            kinds = torch.arange(axis.cells).clamp(max=axis.at_start)
            kinds[end:] = torch.arange(axis.black_cells - axis.at_end, axis.black_cells)
            background = background.index_select(dimension, kinds)
    return background.expand(-1, -1, rows.cells, columns.cells)  # for what is one cell alone


def _memory_format(images: Tensor) -> torch.memory_format:
    channels_last = images.is_contiguous(memory_format=torch.channels_last)
    return torch.channels_last if channels_last else torch.contiguous_format


class _Pasted(torch.autograd.Function):
    """The background (1, D, R, S) for each image, with its figure (1, D, r, s) over it where it has one."""

    @staticmethod
    def forward(
        ctx: Any,
        background: Tensor,
        boxes: Sequence[tuple[int, int, int, int]],
        format: torch.memory_format,
        *figures: Tensor,
    ) -> Tensor:
        ctx.places = [
            (i, slice(top, top + tall), slice(left, left + wide))
            for i, (top, tall, left, wide) in enumerate(boxes)
            if tall and wide
        ]
        pasted = background.expand(len(boxes), -1, -1, -1).contiguous(memory_format=format)
        for (i, y, x), figure in zip(ctx.places, figures, strict=True):
            pasted[i, :, y, x] = figure[0]
        return pasted

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        figures = [gradient[i : i + 1, :, y, x] for i, y, x in ctx.places]
        background = gradient.sum(dim=0, keepdim=True)
        for (_, y, x), figure in zip(ctx.places, figures, strict=True):
            background[:, :, y, x] -= figure
        return background, None, None, *figures
