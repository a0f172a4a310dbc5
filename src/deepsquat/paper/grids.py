"""Tables 2 and 3: a grid of losses, ours beside the paper's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from deepsquat.paper import tables
from deepsquat.paper.page import Table
from deepsquat.paper.runs import Sweep, Trained

Point = tuple[int, float]  # row, L2
Losses = Mapping[Point, Mapping[str, float]]  # metrics, the mean over seeds where there are several

METRICS = ("train/loss", "val/loss", "train/bce", "val/bce")
CONVNET = {"model._target_": "deepsquat.model.convnet."}
NOT_YET = "not run yet"


@dataclass(frozen=True)
class Grid:
    """One of the paper's two grids."""

    option: str  # of `sweep`, that makes it
    title: str
    row_param: str
    row_name: str
    paper: Mapping[int, Mapping[float, tuple[float, float]]]
    epochs: int  # the paper's
    fixed: Mapping[str, Any]  # what every run of it has

    @property
    def swept(self) -> tuple[str, str]:
        return self.row_param, "optim.l2"

    def point(self, run: Trained) -> Point | None:
        """Where a run stands; None where it is no run of this grid, as one whose target is no label."""
        if any(name not in run.metrics for name in METRICS):
            return None
        for point in self.wanted():
            if run.has({**self.fixed, **dict(zip(self.swept, point, strict=True))}):
                return point
        return None

    def runs(self, sweep: Sweep | None) -> dict[Point, list[Trained]]:
        """The runs at each grid point, one a seed; of two with one seed, the later."""
        found: dict[Point, dict[str, Trained]] = {}
        for run in reversed(sweep.trained if sweep else []):
            if (point := self.point(run)) is not None:
                found.setdefault(point, {})[run.params.get("seed", "")] = run
        return {point: list(runs.values()) for point, runs in found.items()}

    def wanted(self) -> list[Point]:
        return [(row, l2) for row in self.paper for l2 in self.paper[row]]

    def printed(self) -> Losses:
        """The paper's losses."""
        pairs = {(row, l2): self.paper[row][l2] for row, l2 in self.wanted()}
        return {point: {"train/loss": train, "val/loss": val} for point, (train, val) in pairs.items()}


def losses(runs: Mapping[Point, Sequence[Trained]]) -> Losses:
    """The metrics at each grid point, the mean over its seeds."""
    return {
        point: {name: fmean(run.metrics[name] for run in here) for name in METRICS}
        for point, here in runs.items()
    }


TABLE_2 = Grid(
    "depth_l2",
    "Table 2: number of blocks by L2",
    "model.blocks",
    "blocks",
    tables.TABLE_2,
    epochs=50,
    fixed={**CONVNET, "model.kernel_size": 3},
)
TABLE_3 = Grid(
    "kernel_l2",
    "Table 3: kernel size by L2, 3 blocks",
    "model.kernel_size",
    "kernel",
    tables.TABLE_3,
    epochs=500,
    fixed={**CONVNET, "model.blocks": 3},
)


def table(grid: Grid, found: Losses) -> Table:
    """One row a grid point; of train and eval loss the paper's, ours, the difference, without penalty."""
    head = [grid.row_name, "L2"]
    for part in ("train", "eval"):
        head += [f"{part}, paper", f"{part}, ours", "difference", f"{part}, ours without penalty"]
    rows = [head]
    for row, l2 in grid.wanted():
        line = [str(row), f"{l2:g}"]
        ours = found.get((row, l2))
        for part, printed in zip(("train", "val"), grid.paper[row][l2], strict=True):
            line.append(f"{printed:g}")
            if ours is None:
                line += [NOT_YET, "", ""]
            else:
                loss = ours[f"{part}/loss"]
                line += [f"{loss:.3f}", f"{loss - printed:+.3f}", f"{ours[f'{part}/bce']:.3f}"]
        rows.append(line)
    return Table(rows)
