"""Tables 2 and 3: a grid of losses, ours beside the paper's, and what the paper claims of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean
from typing import Any

from deepsquat.paper import tables
from deepsquat.paper.evidence import Verdict, differs
from deepsquat.paper.page import Table
from deepsquat.paper.runs import Sweep, Trained

Point = tuple[int, float]  # row, L2
Losses = Mapping[Point, Mapping[str, float]]  # metrics, the mean over seeds where there are several

METRICS = ("train/loss", "val/loss", "train/bce", "val/bce")
CONVNET = {"model._target_": "deepsquat.model.convnet."}
_PRINTED = 0.005  # half the last digit that the paper prints: what is nearer counts as equal


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
        """Where a run stands; None where it is no run of this grid."""
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
                line += ["–", "–", "–"]
            else:
                loss = ours[f"{part}/loss"]
                line += [f"{loss:.3f}", f"{loss - printed:+.3f}", f"{ours[f'{part}/bce']:.3f}"]
        rows.append(line)
    return Table(rows)


@dataclass(frozen=True)
class Claim:
    """What the paper says, whether it holds in our runs (None: it cannot be said), and by what numbers."""

    text: str
    holds: bool | None
    numbers: str
    in_paper: str  # whether the paper's own table bears it out


def claims(depth: Losses, kernel: Losses, kernels: Verdict) -> list[Claim]:
    """The paper's four claims of its two tables. kernels: whether their size matters in our runs."""
    printed = TABLE_2.printed()
    return [
        _claim("L2 1e-4 is best at every depth", _best_l2, depth, printed, TABLE_2),
        _claim(
            "The gap between eval and train loss shrinks with depth (L2 1e-4)", _gaps, depth, printed, TABLE_2
        ),
        _kernel_claim(kernel, TABLE_3.printed(), kernels),
        _claim("4 blocks generalise best: the lowest eval loss (L2 1e-4)", _deepest, depth, printed, TABLE_2),
    ]


def _claim(
    text: str, test: Callable[[Losses], tuple[bool, str]], ours: Losses, printed: Losses, grid: Grid
) -> Claim:
    in_paper = _outcome(*test(printed))
    if any(point not in ours for point in grid.wanted()):
        return Claim(text, None, f"{grid.option} is not complete", in_paper)
    return Claim(text, *test(ours), in_paper)


def _outcome(holds: bool, numbers: str) -> str:
    return f"{'holds' if holds else 'does not hold'} ({numbers})"


def _best_l2(found: Losses) -> tuple[bool, str]:
    best = {
        row: min((found[row, l2]["val/loss"], l2) for l2 in columns)[1]
        for row, columns in tables.TABLE_2.items()
    }
    return set(best.values()) == {1e-4}, ", ".join(f"{row} blocks: {l2:g}" for row, l2 in best.items())


def _gaps(found: Losses) -> tuple[bool, str]:
    gaps = [found[row, 1e-4]["val/loss"] - found[row, 1e-4]["train/loss"] for row in tables.TABLE_2]
    shrinks = all(b <= a + _PRINTED for a, b in pairwise(gaps)) and gaps[-1] < gaps[0] - _PRINTED
    return shrinks, _listed(gaps)


def _deepest(found: Losses) -> tuple[bool, str]:
    values = [found[row, 1e-4]["val/loss"] for row in tables.TABLE_2]
    return values[-1] == min(values), _listed(values)


def _listed(values: Sequence[float]) -> str:
    return ", ".join(f"{row} blocks: {value:.3f}" for row, value in zip(tables.TABLE_2, values, strict=True))


def _kernel_claim(ours: Losses, printed: Losses, kernels: Verdict) -> Claim:
    text = "Kernel size makes no significant difference"
    in_paper = f"a range over kernels of {_ranges(printed)}; the paper gives no spread over seeds"
    if any(point not in ours for point in TABLE_3.wanted()):
        return Claim(text, None, "kernel_l2 is not complete", in_paper)
    holds = None if kernels.differs is None else not kernels.differs
    return Claim(text, holds, f"a range over kernels of {_ranges(ours)}; {kernels.why}", in_paper)


def kernel_differs(sweep: Sweep | None, seeds: Sequence[Sweep]) -> Verdict:
    """Whether val/loss differs between the kernels of one L2, by the runs of Table 3.

    seeds: sweeps over seeds, of which one counts that repeats a grid point: network, protocol and data are
    those of its run there. A repetition with that run's own seed is the same run, and no second one.
    """
    runs = TABLE_3.runs(sweep)
    if any(point not in runs for point in TABLE_3.wanted()):
        return Verdict(None, "kernel_l2 is not complete")
    columns = {
        f"L2 {l2:g}": [[run.metrics["val/loss"] for run in runs[row, l2]] for row in tables.TABLE_3]
        for l2 in tables.TABLE_3[3]
    }
    known = {run.what: {run.params.get("seed") for run in here} for here in runs.values() for run in here}
    repeats: list[float] = []
    for other in seeds:
        new = {
            run.params.get("seed"): run.metrics["val/loss"]
            for run in other.trained
            if run.what in known and run.params.get("seed") not in known[run.what]
        }
        if len({run.what for run in other.trained}) == 1 and len(new) > len(repeats):
            repeats = list(new.values())
    return differs(columns, repeats)


def _range(found: Losses, l2: float) -> float:
    values = [found[row, l2]["val/loss"] for row in tables.TABLE_3]
    return max(values) - min(values)


def _ranges(found: Losses) -> str:
    return ", ".join(f"{_range(found, l2):.3f} at L2 {l2:g}" for l2 in tables.TABLE_3[3])
