"""Tables 2 and 3: a grid of losses, ours beside the paper's, and what the paper claims of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from deepsquat.paper import tables
from deepsquat.paper.page import Table
from deepsquat.paper.runs import Sweep

Cells = Mapping[tuple[int, float], Mapping[str, float]]  # (row, L2) -> metrics of the finished training

_PRINTED = 0.005  # half the last digit that the paper prints: what is nearer counts as equal


@dataclass(frozen=True)
class Grid:
    """One of the paper's two grids."""

    kind: str  # of the sweep that makes it
    title: str
    row_param: str
    row_name: str
    paper: Mapping[int, Mapping[float, tuple[float, float]]]
    epochs: int  # the paper's

    def cells(self, sweep: Sweep | None) -> Cells:
        """The finished trainings by cell; of two of one cell, the later."""
        found: dict[tuple[int, float], Mapping[str, float]] = {}
        for run in reversed(sweep.trained if sweep else []):
            found[int(run.number(self.row_param)), run.number("optim.l2")] = run.metrics
        return found

    def wanted(self) -> list[tuple[int, float]]:
        return [(row, l2) for row in self.paper for l2 in self.paper[row]]


TABLE_2 = Grid(
    "depth_l2", "Table 2: number of blocks by L2", "model.blocks", "blocks", tables.TABLE_2, epochs=50
)
TABLE_3 = Grid(
    "kernel_l2",
    "Table 3: kernel size by L2, 3 blocks",
    "model.kernel_size",
    "kernel",
    tables.TABLE_3,
    epochs=500,
)


def table(grid: Grid, cells: Cells) -> Table:
    """One row a cell: train and eval loss, the paper's, ours, the difference, ours without the penalty."""
    head = [grid.row_name, "L2"]
    for part in ("train", "eval"):
        head += [f"{part}, paper", f"{part}, ours", "difference", f"{part}, ours without penalty"]
    rows = [head]
    for row, l2 in grid.wanted():
        line = [str(row), f"{l2:g}"]
        ours = cells.get((row, l2))
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


def claims(depth: Cells, kernel: Cells, seed_spread: float | None) -> list[Claim]:
    """The paper's four claims of its two tables. seed_spread: standard deviation of val/loss over seeds."""
    printed = {
        (row, l2): {"train/loss": t, "val/loss": e}
        for row, columns in tables.TABLE_2.items()
        for l2, (t, e) in columns.items()
    }
    printed_kernel = {
        (row, l2): {"val/loss": e}
        for row, columns in tables.TABLE_3.items()
        for l2, (_, e) in columns.items()
    }
    return [
        _claim("L2 1e-4 is best at every depth", _best_l2, depth, printed, TABLE_2),
        _claim(
            "The gap between eval and train loss shrinks with depth (L2 1e-4)", _gaps, depth, printed, TABLE_2
        ),
        _kernel_claim(kernel, printed_kernel, seed_spread),
        _claim("4 blocks generalise best: the lowest eval loss (L2 1e-4)", _deepest, depth, printed, TABLE_2),
    ]


def _claim(
    text: str, test: Callable[[Cells], tuple[bool, str]], ours: Cells, printed: Cells, grid: Grid
) -> Claim:
    in_paper = _verdict(*test(printed))
    if any(cell not in ours for cell in grid.wanted()):
        return Claim(text, None, f"{grid.kind} is not complete", in_paper)
    return Claim(text, *test(ours), in_paper)


def _verdict(holds: bool, numbers: str) -> str:
    return f"{'holds' if holds else 'does not hold'} ({numbers})"


def _best_l2(cells: Cells) -> tuple[bool, str]:
    best = {
        row: min((cells[row, l2]["val/loss"], l2) for l2 in columns)[1]
        for row, columns in tables.TABLE_2.items()
    }
    return set(best.values()) == {1e-4}, ", ".join(f"{row} blocks: {l2:g}" for row, l2 in best.items())


def _gaps(cells: Cells) -> tuple[bool, str]:
    gaps = [cells[row, 1e-4]["val/loss"] - cells[row, 1e-4]["train/loss"] for row in tables.TABLE_2]
    shrinks = all(b <= a + _PRINTED for a, b in pairwise(gaps)) and gaps[-1] < gaps[0] - _PRINTED
    return shrinks, _listed(gaps)


def _deepest(cells: Cells) -> tuple[bool, str]:
    losses = [cells[row, 1e-4]["val/loss"] for row in tables.TABLE_2]
    return losses[-1] == min(losses), _listed(losses)


def _listed(values: Sequence[float]) -> str:
    return ", ".join(f"{row} blocks: {value:.3f}" for row, value in zip(tables.TABLE_2, values, strict=True))


def _kernel_claim(ours: Cells, printed: Cells, seed_spread: float | None) -> Claim:
    text = "Kernel size makes no significant difference"
    in_paper = f"a range over kernels of {_ranges(printed)}; the paper gives no spread over seeds"
    if any(cell not in ours for cell in TABLE_3.wanted()):
        return Claim(text, None, "kernel_l2 is not complete", in_paper)
    if seed_spread is None:
        return Claim(text, None, f"a range over kernels of {_ranges(ours)}; sweep=seeds would tell", in_paper)
    largest = max(_range(ours, l2) for l2 in tables.TABLE_3[3])
    # Of three draws from one normal distribution the range exceeds 3.3 standard deviations in 5 of 100 cases.
    return Claim(
        text,
        largest <= 3.31 * seed_spread,
        f"a range over kernels of {_ranges(ours)}; a standard deviation over seeds of {seed_spread:.3f}",
        in_paper,
    )


def _range(cells: Cells, l2: float) -> float:
    losses = [cells[row, l2]["val/loss"] for row in tables.TABLE_3]
    return max(losses) - min(losses)


def _ranges(cells: Cells) -> str:
    return ", ".join(f"{_range(cells, l2):.3f} at L2 {l2:g}" for l2 in tables.TABLE_3[3])
