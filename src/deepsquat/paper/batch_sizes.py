"""One cell of Table 2, 4 blocks at L2 1e-2, by the size of batches: how far noise keeps weights large."""

from collections.abc import Sequence

from deepsquat.paper import grids
from deepsquat.paper.claims import Runs
from deepsquat.paper.page import Heading, Piece, Table, Text
from deepsquat.paper.runs import Sweep, Trained, alike, together

_CELL = (4, 1e-2)
_SWEPT = ("optim.batch_size",)
_AT_START = 6.47  # L2 1e-2 times the expected sum of squared weights at the start
_SHOWN = ("train/loss", "train/l2_penalty", "train/bce", "val/loss", "val/bce")


def section(sweeps: Sequence[Sweep], depth: Runs) -> list[Piece]:
    """Nothing where no sweep over batches was run. depth: the runs of Table 2, whose cell is shown too."""
    cell = {"model.blocks": _CELL[0], "optim.l2": _CELL[1], **grids.TABLE_2.fixed}
    sweep = together(sweeps, _SWEPT)
    swept = [run for run in (sweep.trained if sweep else ()) if run.has(cell)]
    if not swept:
        return []
    found: dict[int, Trained] = {}
    for run in (*swept, *(run for run in depth.get(_CELL, ()) if alike(run, swept[0], _SWEPT))):
        found.setdefault(int(run.number("optim.batch_size")), run)
    rows = [["batch", *_SHOWN]]
    rows += [[str(size), *(f"{found[size].metrics[name]:.3f}" for name in _SHOWN)] for size in sorted(found)]
    train, val = grids.TABLE_2.paper[_CELL[0]][_CELL[1]]
    rows.append(["500, the paper", f"{train:g}", "", "", f"{val:g}", ""])
    steps = {run.params.get("trainer.steps_per_epoch", "None") for run in found.values()}
    as_many = "epochs" if len(steps) > 1 or "None" in steps else "steps"
    return [
        Heading("By the size of batches: 4 blocks, L2 1e-2"),
        Text(
            f"One seed each, as many {as_many} at every size. The penalty starts at {_AT_START}; Adam "
            "divides by how large gradients are, so that the noise of small batches holds back what shrinks "
            "the weights."
        ),
        Table(rows),
    ]
