"""The whole report: what was run, the paper's tables beside ours, its claims, its Figure 9."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from deepsquat.files import written_whole
from deepsquat.paper import batch_sizes, grids, runs, tables
from deepsquat.paper.claims import Claim, claims
from deepsquat.paper.grids import NOT_YET
from deepsquat.paper.page import Heading, Picture, Piece, Table, Text, markdown, page
from deepsquat.runs import pictures
from deepsquat.runs.files import CURVES
from deepsquat.tracking.mlflow import MlflowOptions, Store
from deepsquat.trainer.predictions import confusion

Protocols = Mapping[str, Mapping[str, Any]]  # by name
TITLE = "DeepSquat: the paper's tables beside ours"
_FINAL = {**grids.CONVNET, "model.blocks": 4, "model.kernel_size": 3, "optim.l2": 1e-6}


def write(
    tracking: MlflowOptions, only: runs.Only, protocols: Protocols, sources: Sequence[str], folder: Path
) -> None:
    """Reads the runs, writes report.md, report.html and pictures into `folder`, prints the Markdown.

    protocols: what each protocol asks of the final model. sources: the sources of data that there are.

    Raises:
        UserError: `only` names a protocol or a source of data that there is none of.
    """
    store = tracking.open_store()
    runs.refuse_unknown(store, only, list(protocols), sources)
    points, studies = {}, {}
    for grid in (grids.TABLE_2, grids.TABLE_3):
        found = [sweep for sweep in runs.sweeps(store, grid.option, grid.swept, only) if grid.runs(sweep)]
        studies[grid.option] = runs.together(found, grid.swept)
        points[grid.option] = grid.runs(studies[grid.option])
    final = runs.latest(store, {name: {**_FINAL, **asked} for name, asked in protocols.items()}, only)

    depth, kernel = points.values()
    used = [run for at in points.values() for here in at.values() for run in here]
    used += [final] if final else []
    pieces: list[Piece] = [Heading(TITLE, 1), *_what_was_run(used)]
    for grid in (grids.TABLE_2, grids.TABLE_3):
        pieces += _grid(grid, studies[grid.option], points[grid.option], only, folder)
    pieces += _final(store, final, only.protocol, folder)
    pieces += batch_sizes.section(runs.sweeps(store, "batch_size", ("optim.batch_size",), only), depth)
    seeds = runs.sweeps(store, "seeds", ("seed",), runs.Only())
    pieces += _claims(claims(depth, kernel, seeds))

    text = markdown(pieces)
    for name, content in (("report.md", text), ("report.html", page(TITLE, pieces))):
        with written_whole(folder / name) as temporary:
            temporary.write_text(content, encoding="utf-8")
    print(text)
    print(f"Written as {folder / 'report.html'} and report.md")


# What the report says was run, and what it was in the paper; other values than the paper's get a banner.
_PAPERS_PARAMS = {
    "optim.batch_size": "500",
    "optim.lr": "1e-05",
    "split.by": "squat",
    "protocol.frames_each_side": "5",
    "augment.flip": "True",
    "augment.zoom_out": "0.5",
}


def _what_was_run(used: Sequence[runs.Trained]) -> list[Piece]:
    if not used:
        return [Text("No run yet. The commands below run them.", warning=True)]

    def tag(name: str) -> str:
        return _seen(run.tags.get(name, "?") for run in used)

    def param(name: str) -> str:
        return _seen(run.params.get(name, "?") for run in used)

    gpu = tag("hardware.gpu")
    facts = [
        ["what", "in these runs", "in the paper"],
        ["protocol", tag("protocol"), "paper"],
        ["data", tag("data.source"), "34 videos of its own, 219 squats"],
        [
            "images a squat",
            param("protocol.frames_each_side") + " on either side of the bottom",
            "5 on either side",
        ],
        ["image size", f"{param('skeleton.height')} x {param('skeleton.width')}", "192 x 108"],
        ["split", tag("split"), "by_squat"],
        ["shared with train", tag("split.crossing"), "all 20 held-out squats"],
        ["squats", tag("data.squats"), "219"],
        ["epochs", param("trainer.max_epochs"), "50 (Table 2), 500 (the rest)"],
        ["batch size", param("optim.batch_size"), "500"],
        ["steps an epoch", param("trainer.steps_per_epoch"), "18: all images"],
        ["eval every", f"{param('trainer.val_every')} epochs", "epoch"],
        ["learning rate", param("optim.lr"), "1e-05"],
        ["seeds", param("seed"), "one"],
        ["hardware", tag("hardware.cpu") + ("" if gpu in ("none", "?") else f"; {gpu}"), "one V100"],
        ["code", _seen(run.tags.get("mlflow.source.git.commit", "?")[:10] for run in used), "Keras 2.2.4"],
    ]
    pieces: list[Piece] = []
    if tag("protocol") != "paper":
        said = "Not the paper's protocol: these figures do not compare with the paper's as they stand."
        notes = {run.tags.get("protocol.note", "") for run in used}
        notes = {note for note in notes if ": " in note}  # what differs, where it can be said
        pieces.append(Text(" ".join([said, *(f"Runs: {note}." for note in sorted(notes))]), warning=True))
    else:
        other = [f"{name} {param(name)}" for name, value in _PAPERS_PARAMS.items() if param(name) != value]
        if other:
            pieces.append(Text(f"Not as in the paper: {', '.join(other)}.", warning=True))
    said = f"Not the paper's data: its videos were never published. These are {tag('data.source')}."
    return [*pieces, Text(said, warning=True), Table(facts)]


def _seen(values: Iterable[str]) -> str:
    return "; ".join(sorted(set(values)))


def _grid(
    grid: grids.Grid,
    sweep: runs.Sweep | None,
    found: Mapping[grids.Point, Sequence[runs.Trained]],
    only: runs.Only,
    folder: Path,
) -> list[Piece]:
    missing = [point for point in grid.wanted() if point not in found]
    pieces: list[Piece] = [Heading(grid.title)]
    if sweep and found:
        trained = [run for here in found.values() for run in here]
        said = _seen(run.params.get("trainer.max_epochs", "?") for run in trained)
        seeds = max(len(here) for here in found.values())
        mean = f" Each row is the mean over up to {seeds} seeds." if seeds > 1 else ""
        pieces.append(Text(f"Study {sweep.name}, {said} epochs a run (the paper: {grid.epochs}).{mean}"))
    if missing:
        command = _command(grid.option, only)
        said = f"{len(missing)} of {len(grid.wanted())} grid points have no run yet"
        pieces.append(Text(f"{said}; this command runs them: {command}"))
    losses = grids.losses(found)
    pieces.append(grids.table(grid, losses))
    if losses:
        file = f"{grid.option}.png"
        pictures.grid_lines(grid.row_name, losses, _eval_losses(grid), folder / file, grid.title)
        pieces.append(Picture(file, f"{grid.title}: eval loss, ours (lines) and the paper's (crosses)"))
    return pieces


def _command(option: str, only: runs.Only) -> str:
    if only.protocol == "paper_steps":
        return "python src/reproduce.py protocol=paper_steps"
    given = (("protocol", only.protocol), ("data", only.data))
    more = [f"{name}={value}" for name, value in given if value]
    return " ".join(["python src/train.py -m", f"sweep={option}", *more])


def _eval_losses(grid: grids.Grid) -> dict[tuple[int, float], float]:
    return {(row, l2): grid.paper[row][l2][1] for row, l2 in grid.wanted()}


def _final(store: Store, final: runs.Trained | None, protocol: str | None, folder: Path) -> list[Piece]:
    pieces: list[Piece] = [Heading("Table 4: the final model (4 blocks, kernel 3, L2 1e-6)")]
    commands = {
        "quick": "python src/train.py",
        "paper_steps": "python src/reproduce.py protocol=paper_steps",
    }
    command = commands.get(protocol or "", "python src/train.py experiment=final")
    if final is None:
        pieces.append(Text(f"No such run yet; this command runs it: {command}"))
    else:
        epochs = int(final.number("trainer.max_epochs"))
        pieces.append(
            Text(f"Run {final.id}, {epochs} epochs (the paper: 500), protocol {final.tags['protocol']}.")
        )
    rows = [["", "paper", "ours", "difference"]]
    for name, printed in tables.TABLE_4.items():
        ours = final.metrics[name] if final else None
        rows.append(
            [
                name,
                f"{printed:g}",
                *((f"{ours:.4f}", f"{ours - printed:+.4f}") if ours is not None else (NOT_YET, "")),
            ]
        )
    pieces.append(Table(rows))
    pieces += [Heading("Table 5: the final model on dev, by image"), *_table_5(store, final)]
    if final is not None:
        history = store.find(final.id).history(CURVES)
        pictures.curves(history, folder / "figure_9.png", f"Run {final.id[:8]}")
        pieces += [
            Heading("Figure 9: accuracy and loss over the epochs"),
            Picture("figure_9.png", "Ours; dev is called val here"),
        ]
    return pieces


def _table_5(store: Store, final: runs.Trained | None) -> list[Piece]:
    found = runs.predictions(store, final).get("val") if final else None
    ours: Mapping[int, Sequence[str]] = {1: (NOT_YET, ""), 0: (NOT_YET, "")}
    if found is not None:
        counts = confusion(found.label, found.p_good)
        ours = {1: [str(n) for n in counts[0]], 0: [str(n) for n in counts[1]]}
    rows = [["", "printed: 1", "printed: 0", "meant: 1", "meant: 0", "ours: 1", "ours: 0"]]
    for label_ in (1, 0):
        printed, meant = tables.TABLE_5_PRINTED[label_], tables.TABLE_5_MEANT[label_]
        rows.append([f"label {label_}", *(str(n) for n in (*printed, *meant)), *ours[label_]])
    return [
        Text(
            "As printed, the paper's rows sum to 440 each, but its dev set has 220 images of each label. "
            "With the printed 40 and 12 as the errors, the text's 88.18 % (388 of 440) comes out; that "
            "reading is given as meant. Columns: predicted 1 (good) or 0 (bad)."
        ),
        Table(rows),
    ]


def _claims(found: Sequence[Claim]) -> list[Piece]:
    words = {True: "holds", False: "does not hold", None: "undecided"}
    rows = [["claim", "in our runs", "our numbers", "in the paper's own table"]]
    rows += [[claim.text, words[claim.holds], claim.numbers, claim.in_paper] for claim in found]
    return [
        Heading("What the paper claims of these tables"),
        Text(
            "The paper's losses hold the L2 penalty, so its columns do not compare with one another as data "
            "loss; the tables above give ours without it too. Undecided is what our runs cannot tell: one "
            "seed a grid point does not say how far a loss moves by chance."
        ),
        Table(rows),
    ]
