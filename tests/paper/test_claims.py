"""The paper's claims on made-up runs: what one seed leaves undecided, and what several decide."""

from collections.abc import Mapping

import numpy as np
import pytest

from deepsquat.paper import grids, tables
from deepsquat.paper.claims import Claim, claims
from deepsquat.paper.runs import Sweep, Trained

TAGS = {"protocol": "paper_steps", "data.fingerprint": "f"}


def run(point: grids.Point, train: float, val: float, seed: int, kernel: bool) -> Trained:
    params = {"optim.l2": f"{point[1]:g}", "blocks or kernel": f"{point[0]} {kernel}", "seed": str(seed)}
    metrics = {"train/loss": train, "val/loss": val, "train/bce": train, "val/bce": val}
    return Trained(f"{point} {seed}", "FINISHED", 0, params, metrics, TAGS)


def printed(
    table: Mapping[int, Mapping[float, tuple[float, float]]], seeds: int, spread: float, kernel: bool = False
) -> dict[grids.Point, list[Trained]]:
    """The paper's own figures, over seeds that move each of them."""
    random = np.random.default_rng(0)
    return {
        (row, l2): [
            run((row, l2), *(np.array(losses) + spread * random.normal(size=2)).tolist(), seed, kernel)
            for seed in range(seeds)
        ]
        for row, columns in table.items()
        for l2, losses in columns.items()
    }


def of_paper(seeds: int, spread: float, repeats: int = 0) -> list[Claim]:
    depth = printed(tables.TABLE_2, seeds, spread)
    random = np.random.default_rng(1)
    repeated = [run((4, 1e-4), 0.35, 0.49 + spread * random.normal(), 10 + i, False) for i in range(repeats)]
    sweeps = [Sweep("seeds", repeated)] if repeated else []
    return claims(depth, printed(tables.TABLE_3, seeds, spread, kernel=True), sweeps)


def test_the_papers_figures_as_printed_bear_out_what_they_bear_out() -> None:
    best_l2, gap, kernels, deepest = of_paper(1, 0)
    assert best_l2.in_paper.startswith("holds")
    assert gap.in_paper.startswith("holds") and "1 blocks: 1.320" in gap.in_paper
    assert "0.170 at L2 0.0001" in kernels.in_paper and "no spread over seeds" in kernels.in_paper
    assert deepest.in_paper.startswith("does not hold") and "3 blocks: 0.400" in deepest.in_paper


def test_one_seed_a_cell_decides_nothing() -> None:
    found = of_paper(1, 0.01)
    assert [claim.holds for claim in found] == [None] * 4
    best_l2, gap, kernels, deepest = found
    assert best_l2.numbers.startswith("so in one seed (1 blocks: 0.0001")
    assert deepest.numbers.startswith("not so in one seed") and "no spread over seeds" in deepest.numbers
    assert " in one seed (1 blocks: 1.3" in gap.numbers and "fewer than 3 seeds" in kernels.numbers


def test_several_seeds_a_cell_decide_what_is_clear() -> None:
    best_l2, gap, kernels, deepest = of_paper(5, 0.002)
    assert (best_l2.holds, gap.holds, kernels.holds, deepest.holds) == (True, True, False, False)
    assert "the mean of 5 seeds" in deepest.numbers and "Welch" in deepest.numbers
    assert [claim.holds for claim in of_paper(5, 20.0)] == [None, None, True, None]


def test_repetitions_of_one_cell_tell_the_spread_of_the_others() -> None:
    best_l2, _, kernels, deepest = of_paper(1, 0.002, repeats=5)
    assert best_l2.holds is True and deepest.holds is False
    assert "spread of 5 other seeds" in deepest.numbers
    assert kernels.holds is None  # none of its own points was repeated
    assert [claim.holds for claim in of_paper(1, 0.002, repeats=2)] == [None] * 4


@pytest.mark.parametrize(("left_out", "undecided"), [((1, 1e-2), [0]), ((2, 1e-4), [0, 1, 3])])
def test_a_claim_waits_for_the_cells_that_it_speaks_of_alone(
    left_out: grids.Point, undecided: list[int]
) -> None:
    depth = printed(tables.TABLE_2, 5, 0.002)
    del depth[left_out]
    found = claims(depth, {}, [])
    assert [i for i, claim in enumerate(found) if "not run yet" in claim.numbers] == sorted([*undecided, 2])
    assert all(found[i].holds is None for i in (*undecided, 2))
