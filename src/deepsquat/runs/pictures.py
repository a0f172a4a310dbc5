"""Pictures of a run: curves, confusion matrices, sheets of skeletons."""

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from deepsquat.files import written_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Kept apart by most colour-blind readers, and in grey.
TRAIN, VAL = "#1f6f9f", "#e08214"


def can_draw() -> bool:
    """Whether matplotlib is there; where a network is only trained it may be missing."""
    return find_spec("matplotlib") is not None


def figure(columns: int = 1, size: tuple[float, float] = (4.5, 3.5), rows: int = 1) -> tuple["Figure", Any]:
    """A figure with (rows, columns) axes of a size in inches, made without the global state of pyplot."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    made = Figure(figsize=(size[0] * columns, size[1] * rows), layout="constrained")
    FigureCanvasAgg(made)
    return made, made.subplots(rows, columns, squeeze=False)


def write(made: "Figure", path: Path) -> None:
    with written_whole(path) as temporary:
        made.savefig(temporary, dpi=120, format="png")


def curves(history: Sequence[dict[str, float]], path: Path, title: str) -> None:
    """Accuracy and loss over the epochs, the paper's Figure 9, and where val/loss was lowest."""
    made, axes = figure(size=(5.2, 2.9), rows=2)
    measured = [row for row in history if np.isfinite(row.get("val/loss", np.nan))]
    best = min(measured, key=lambda row: row["val/loss"]) if measured else None
    for axis, metric in zip(axes[:, 0], ("accuracy", "loss"), strict=True):
        for part, colour in (("train", TRAIN), ("val", VAL)):
            key = f"{part}/{metric}"
            points = [(row["epoch"], row[key]) for row in history if key in row]  # val: not of every epoch
            marker = "o" if len(points) == 1 else None
            axis.plot(*zip(*points, strict=True), color=colour, label=part, marker=marker)
            if part == "val" and best is not None and key in best:
                axis.plot(
                    [best["epoch"]], [best[key]], "o", color=colour, markersize=11, markerfacecolor="none"
                )
        if best is not None:
            said = f"lowest val/loss: {best['val/loss']:.3g}, epoch {best['epoch']:g}"
            axis.axvline(best["epoch"], color="#444", linewidth=0.8, linestyle=":", label=said)
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.set_ylabel(metric if metric == "accuracy" else "loss (cross-entropy + L2)")
        axis.grid(alpha=0.3)
    axes[1][0].set_xlabel("epoch")
    axes[0][0].set_ylim(0, 1.02)
    axes[1][0].set_ylim(bottom=0)
    made.legend(*axes[0][0].get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=9)
    made.suptitle(title, fontsize=9)
    write(made, path)


def confusion_matrices(counts: Mapping[str, np.ndarray], path: Path) -> None:
    """One panel a title; counts (2, 2): rows the label, columns the prediction, good first."""
    made, axes = figure(columns=2, size=(2.7, 2.8), rows=-(-len(counts) // 2))
    for axis, (title, matrix) in zip(axes.flat, counts.items(), strict=False):
        share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
        axis.imshow(share, cmap="Blues", vmin=0, vmax=1)
        for row, column in np.ndindex(2, 2):
            axis.text(
                column,
                row,
                f"{matrix[row, column]}\n{share[row, column]:.0%}",
                ha="center",
                va="center",
                color="white" if share[row, column] > 0.6 else "black",
            )
        axis.set_xticks([0, 1], ["good", "bad"])
        axis.set_yticks([0, 1], ["good", "bad"])
        axis.set_title(title, fontsize=10)
    for axis in axes[-1]:
        axis.set_xlabel("predicted")
    for axis in axes[:, 0]:
        axis.set_ylabel("label")
    for axis in axes.flat[len(counts) :]:
        axis.set_visible(False)
    write(made, path)


def sheet(
    images: Sequence[np.ndarray], captions: Sequence[str], path: Path, title: str, columns: int = 8
) -> None:
    """Skeleton images in a grid, a caption over each; one picture in one axis, since axes are slow."""
    height, width = images[0].shape[:2] if len(images) else (192, 108)
    rows, head = max(1, -(-len(images) // columns)), round(0.28 * width)
    tiles = np.full((rows * (height + head), columns * (width + 4), 3), 255, np.uint8)
    made, axes = figure(size=(1.5 * columns, 1.5 * rows * (height + head) / (width + 4) + 0.4))
    axis = axes[0][0]
    axis.axis("off")
    for i, (image, caption) in enumerate(zip(images, captions, strict=True)):
        top, left = i // columns * (height + head) + head, i % columns * (width + 4)
        tiles[top : top + height, left : left + width] = image
        axis.text(left + width / 2, top - 2, caption, fontsize=7, ha="center", va="bottom")
    axis.imshow(tiles)
    axis.set_title(title, fontsize=10)
    write(made, path)


def groups(
    shown: Sequence[Sequence[np.ndarray]], captions: Sequence[str], path: Path, title: str, columns: int = 4
) -> None:
    """Pictures that belong together side by side, all of one height, a caption over each group.

    shown: (H, W, 3) uint8 RGB, of any size, some in each group.
    """
    widths = [[image.shape[1] / image.shape[0] for image in group] for group in shown]
    columns = max(1, min(columns, len(shown)))
    rows, wide = -(-len(shown) // columns), max([0.75, *(sum(group) for group in widths)]) + 0.08
    head = 0.22
    size = (max(4.0, 1.9 * wide * columns), 1.9 * rows * (1 + head) + 0.4)
    made, axes = figure(size=size if shown else (4.0, 0.6))
    axis = axes[0][0]
    axis.axis("off")
    for i, (group, caption) in enumerate(zip(shown, captions, strict=True)):
        left, top = i % columns * wide, -(i // columns) * (1 + head) - head
        axis.text(left, top + 0.015, caption, fontsize=7.5, va="bottom", linespacing=1.15)
        for image, width in zip(group, widths[i], strict=True):
            axis.imshow(image, extent=(left, left + width, top - 1, top), interpolation="antialiased")
            left += width
    axis.set_xlim(0, columns * wide)
    axis.set_ylim(-rows * (1 + head), 0)
    axis.set_aspect("equal")
    made.suptitle(title, fontsize=10)
    write(made, path)


def grid_lines(
    row_name: str,
    ours: Mapping[tuple[int, float], Mapping[str, float]],
    paper: Mapping[tuple[int, float], float],
    path: Path,
    title: str,
) -> None:
    """Eval loss over the rows of a grid, one line an L2; the paper's as crosses of the same colour."""
    made, axes = figure(size=(5.2, 3.6))
    axis = axes[0][0]
    for l2, colour in zip(sorted({l2 for _, l2 in paper}), (TRAIN, VAL, "#4d4d4d"), strict=True):
        rows = sorted(row for row, other in ours if other == l2)
        axis.plot(rows, [ours[row, l2]["val/loss"] for row in rows], "o-", color=colour, label=f"L2 {l2:g}")
        printed = sorted(row for row, other in paper if other == l2)
        axis.plot(printed, [paper[row, l2] for row in printed], "x", color=colour, markersize=8)
    axis.set_xticks(sorted({row for row, _ in paper}))
    axis.set_xlabel(row_name)
    axis.set_ylabel("eval loss")
    axis.set_yscale("log")
    axis.grid(alpha=0.3, which="both")
    made.legend(loc="outside lower center", ncols=3, fontsize=9)
    made.suptitle(f"{title} (crosses: the paper)", fontsize=9)
    write(made, path)
