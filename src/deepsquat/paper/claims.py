"""What the paper claims of Tables 2 and 3, and whether it holds in our runs: said, unsaid, or undecided."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from deepsquat.paper import tables
from deepsquat.paper.evidence import Pair, Verdict, differs, lower
from deepsquat.paper.grids import TABLE_2, TABLE_3, Losses, Point, losses
from deepsquat.paper.runs import Sweep, Trained

Runs = Mapping[Point, Sequence[Trained]]  # one a seed
_PRINTED = 0.005  # half the last digit that the paper prints: what is nearer counts as equal
_BEST = 1e-4  # the L2 of the claims on depth
_DEPTHS = tuple(tables.TABLE_2)


@dataclass(frozen=True)
class Claim:
    """What the paper says, whether it holds in our runs (None: it cannot be said), and by what numbers."""

    text: str
    holds: bool | None
    numbers: str
    in_paper: str  # whether the paper's own table bears it out


@dataclass(frozen=True)
class _Of:
    """A claim on Table 2. points: those that it speaks of. seen: whether figures bear it out, and which.

    asked, against: see `evidence.lower`; pairs of grid points of which a value, else val/loss, counts.
    """

    text: str
    points: Sequence[Point]
    seen: Callable[[Losses], tuple[bool, str]]
    asked: Mapping[str, tuple[Point, Point]]
    against: Mapping[str, tuple[Point, Point]]
    value: Callable[[Mapping[str, float]], float] = lambda metrics: metrics["val/loss"]

    def claim(self, runs: Runs, repeats: Sequence[Trained]) -> Claim:
        in_paper = _outcome(*self.seen(TABLE_2.printed()))
        missing = sum(point not in runs for point in self.points)
        if missing:
            said = f"{missing} of the {len(self.points)} grid points that it speaks of are not run yet"
            return Claim(self.text, None, said, in_paper)
        so, numbers = self.seen(losses({point: runs[point] for point in self.points}))
        verdict = lower(
            self._pairs(self.asked, runs),
            self._pairs(self.against, runs),
            [self.value(run.metrics) for run in repeats],
        )
        seeds = max(len(runs[point]) for point in self.points)
        said = f"{'so' if so else 'not so'} in {'one seed' if seeds == 1 else f'the mean of {seeds} seeds'}"
        return Claim(self.text, verdict.is_so, f"{said} ({numbers}); {verdict.why}", in_paper)

    def _pairs(self, points: Mapping[str, tuple[Point, Point]], runs: Runs) -> dict[str, Pair]:
        def values(point: Point) -> list[float]:
            return [self.value(run.metrics) for run in runs[point]]

        return {name: (values(a), values(b)) for name, (a, b) in points.items()}


def claims(depth: Runs, kernel: Runs, seeds: Sequence[Sweep]) -> list[Claim]:
    """The paper's four claims of its two tables. seeds: sweeps over seeds, which may repeat a grid point."""
    repeats = repetitions(depth, seeds)
    best_l2, gaps, deepest = (claim.claim(depth, repeats) for claim in (_best_l2(), _gaps(), _deepest()))
    return [best_l2, gaps, _kernels(kernel, seeds), deepest]


def repetitions(runs: Runs, seeds: Sequence[Sweep]) -> list[Trained]:
    """The runs of the sweep over seeds that repeats a grid point most often, without the grid's own seeds.

    They count where network, protocol and data are those of the grid's run there; a repetition with that
    run's own seed is the same run, and no second one.
    """
    known = {run.what: {run.params.get("seed") for run in here} for here in runs.values() for run in here}
    most: list[Trained] = []
    for other in seeds:
        new = {
            run.params.get("seed"): run
            for run in other.trained
            if run.what in known and run.params.get("seed") not in known[run.what]
        }
        if len({run.what for run in other.trained}) == 1 and len(new) > len(most):
            most = list(new.values())
    return most


def _outcome(holds: bool, numbers: str) -> str:
    return f"{'holds' if holds else 'does not hold'} ({numbers})"


def _best_l2() -> _Of:
    def seen(found: Losses) -> tuple[bool, str]:
        best = {
            row: min((found[row, l2]["val/loss"], l2) for l2 in columns)[1]
            for row, columns in tables.TABLE_2.items()
        }
        return set(best.values()) == {_BEST}, ", ".join(f"{row} blocks: {l2:g}" for row, l2 in best.items())

    pairs = {
        f"{row} blocks, 1e-4 below {l2:g}": ((row, _BEST), (row, l2))
        for row, l2 in TABLE_2.wanted()
        if l2 != _BEST
    }
    return _Of("L2 1e-4 is best at every depth", TABLE_2.wanted(), seen, pairs, pairs)


def _column() -> list[Point]:
    return [(row, _BEST) for row in _DEPTHS]


def _gap(metrics: Mapping[str, float]) -> float:
    return metrics["val/loss"] - metrics["train/loss"]


def _gaps() -> _Of:
    def seen(found: Losses) -> tuple[bool, str]:
        gaps = [_gap(found[point]) for point in _column()]
        shrinks = all(b <= a + _PRINTED for a, b in pairwise(gaps)) and gaps[-1] < gaps[0] - _PRINTED
        return shrinks, _listed(gaps)

    first, *_, last = _column()
    steps = {f"{b[0]} blocks below {a[0]}": (b, a) for a, b in pairwise(_column())}
    asked = {f"{last[0]} blocks below {first[0]}": (last, first)}
    text = "The gap between eval and train loss shrinks with depth (L2 1e-4)"
    return _Of(text, _column(), seen, asked, steps, _gap)


def _deepest() -> _Of:
    def seen(found: Losses) -> tuple[bool, str]:
        values = [found[point]["val/loss"] for point in _column()]
        return values[-1] == min(values), _listed(values)

    *others, last = _column()
    pairs = {f"{last[0]} blocks below {point[0]}": (last, point) for point in others}
    text = "4 blocks generalise best: the lowest eval loss (L2 1e-4)"
    return _Of(text, _column(), seen, pairs, pairs)


def _listed(values: Sequence[float]) -> str:
    return ", ".join(f"{row} blocks: {value:.3f}" for row, value in zip(_DEPTHS, values, strict=True))


def _kernels(runs: Runs, seeds: Sequence[Sweep]) -> Claim:
    text = "Kernel size makes no significant difference"
    in_paper = f"a range over kernels of {_ranges(TABLE_3.printed())}; the paper gives no spread over seeds"
    missing = sum(point not in runs for point in TABLE_3.wanted())
    if missing:
        said = f"{missing} of the {len(TABLE_3.wanted())} grid points that it speaks of are not run yet"
        return Claim(text, None, said, in_paper)
    verdict = kernel_differs(runs, seeds)
    holds = None if verdict.is_so is None else not verdict.is_so
    return Claim(text, holds, f"a range over kernels of {_ranges(losses(runs))}; {verdict.why}", in_paper)


def kernel_differs(runs: Runs, seeds: Sequence[Sweep]) -> Verdict:
    """Whether val/loss differs between the kernels of one L2. runs: of Table 3, at every grid point."""
    columns = {
        f"L2 {l2:g}": [[run.metrics["val/loss"] for run in runs[row, l2]] for row in tables.TABLE_3]
        for l2 in tables.TABLE_3[3]
    }
    return differs(columns, [run.metrics["val/loss"] for run in repetitions(runs, seeds)])


def _ranges(found: Losses) -> str:
    values = {l2: [found[row, l2]["val/loss"] for row in tables.TABLE_3] for l2 in tables.TABLE_3[3]}
    return ", ".join(f"{max(column) - min(column):.3f} at L2 {l2:g}" for l2, column in values.items())
