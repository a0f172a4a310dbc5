"""One evaluation over folds, top to bottom: a parent run, a child run a fold, and what they say together.

FOLDER/folds.json           what is evaluated
FOLDER/SEED-FOLD/           the run of a fold, as any other's; its said.json is there once it is complete
FOLDER/files/               the parent's: every answer out of fold, the scores, the tables
"""

import json
import time
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout, suppress
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch

from deepsquat import tracking
from deepsquat.errors import UserError
from deepsquat.evaluation import out_of_fold, verdict
from deepsquat.evaluation.calibration import by_others
from deepsquat.evaluation.folds import Fold, FoldOptions, OwnSplit, divisions
from deepsquat.evaluation.guessing import answers, guesses
from deepsquat.evaluation.out_of_fold import NETWORK, OutOfFold
from deepsquat.files import with_checksum, without_checksum, written_whole
from deepsquat.images import Images, load_images, source_name
from deepsquat.locks import held
from deepsquat.runs import files as run_files
from deepsquat.runs import folds as kept_folds
from deepsquat.runs import owner, provenance
from deepsquat.runs.choices import Choices
from deepsquat.runs.pictures import can_draw
from deepsquat.runs.record import NO_PARAMS
from deepsquat.runs.reliability import Said, draw_reliability
from deepsquat.study import running
from deepsquat.terminal import say
from deepsquat.tracking import PARENT
from deepsquat.trainer.batches import Part, SquatData, items_of
from deepsquat.trainer.classifier import Classifier
from deepsquat.trainer.early import labelled
from deepsquat.trainer.form import Form
from deepsquat.training import Result, Trial, train

HEAD = "network_head"  # of a network that reads faults: logistic regression on what it reads
OUT_OF_FOLD, SAID = "out_of_fold.csv", "said.json"


@dataclass(frozen=True)
class OfSeed:
    """What the trainings under one seed are told, and the config that it was built from."""

    seed: int
    choices: Choices
    config: Mapping[str, Any]


def cross_validate(
    seeds: Sequence[OfSeed],
    options: FoldOptions,
    folder: Path | None,
    tags: Mapping[str, str],
    trial: Trial | None = None,
    name: str | None = None,
) -> Result:
    """Trains and tests every fold under every seed that is not done yet, and says what came out.

    The same call goes on where an earlier one stopped, whatever stopped it.

    folder: of the parent's files and the folds; None: under paths.runs, one for each evaluation.
    tags: further tags of the parent. trial: of a sweep. name: of the parent, as the user gives it.

    Returns: the metrics of the network over all folds, and the means over folds of those of each fold.

    Raises:
        UserError: the data cannot be divided so, or are not those that the folder was begun with; or what a
            fold raises, which then ends FAILED.
    """
    first = seeds[0].choices
    if hasattr(first.data, "collect"):
        divisions(labelled(first.data), options, first.split)  # before minutes of poses
    store = first.tracking.open_store()
    images = load_images(first.data, first.pose, first.skeleton, first.data_folder)
    items = items_of(images)
    divided: Sequence[Fold | OwnSplit] = divisions(items, options, first.split)
    identity = kept_folds.identity(seeds[0].config, [one.seed for one in seeds], str(images.fingerprint))
    if folder is None:
        folder = Path(seeds[0].config["paths"]["runs"]) / f"folds-{source_name(first.data)}-{identity[:8]}"
    by, many = divided[0].by, _in_words(divided)
    name = trial.name if trial else name or f"{first.name}, {many}"
    with held(folder):
        kept_folds.claim(folder, identity)
        parent = _parent(store, folder, seeds[0], name, tags, images, divided)
        say(f"{many} of {len(items)} labelled squats{_unlabelled(images)}, in {folder}")
        with parent.ending(running.Pruned):
            done: list[tuple[OutOfFold, dict[str, float]]] = []
            for one, fold in product(seeds, divided):
                done.append(_fold(store, parent, folder / f"{one.seed}-{fold.number}", one, fold, options))
                _report(done)
            everything = OutOfFold.joined([said for said, _ in done])
            found = verdict.judged(everything, options.reference)
            measured = _means([metrics for _, metrics in done]) | verdict.metrics(found)
            words = [*verdict.lines(found), "", *verdict.alarms(found, f"a split by {by}")]
            _keep(folder / "files", everything, found, words)
            parent.metrics(measured, len(done))
            parent.artifact(folder / "files")
            if trial is not None:
                parent.rename(trial.ended(measured))
    spread = f", mean ± standard deviation over {len(seeds)} seeds" if len(seeds) > 1 else ""
    tested = f"Out of fold, by {by}" if options.folds != 1 else f"Test squats of a split by {by}"
    say(f"\n{tested}{spread} ({first.protocol_note}):", *words)
    say(f"Run {parent.id}. To look at it: {store.how_to_look(parent.id)}")
    if unwritten := parent.unwritten():
        say(unwritten)
    return Result(parent.id, measured, folder)


def returned(names: Sequence[str], options: FoldOptions) -> list[str]:
    """The names of what it returns. names: those that one training returns."""
    return [*names, *verdict.metric_names(options.reference)]


def _in_words(divided: Sequence[Fold | OwnSplit]) -> str:
    number = f"{len(divided)} folds" if isinstance(divided[0], Fold) else "1 split"
    return f"{number} by {divided[0].by}"


def _unlabelled(images: Images) -> str:
    count = len(np.unique(images.squat[images.label < 0]))
    return f" ({count} more have no label and are left out)" if count else ""


def _report(done: Sequence[tuple[OutOfFold, dict[str, float]]]) -> None:
    """The means so far, to a sweep, whose pruner may have seen enough."""
    running.report(_means([metrics for _, metrics in done]), len(done))


def _means(metrics: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Of what all have."""
    shared = [name for name in metrics[0] if all(name in one for one in metrics)]
    return {name: float(np.mean([one[name] for one in metrics])) for name in shared}


def _parent(
    store: tracking.Store,
    folder: Path,
    first: OfSeed,
    name: str,
    tags: Mapping[str, str],
    images: Images,
    divided: Sequence[Fold | OwnSplit],
) -> tracking.Run:
    """The run that the folds' runs are children of: found, or started."""
    code, _ = provenance.code_tags()
    if known := owner.owner(folder):
        with suppress(UserError):  # it was deleted
            run = store.find(known)
            if before := run.tag("code.dirty") + run.tag("mlflow.source.git.commit"):
                now = code["code.dirty"] + code.get("mlflow.source.git.commit", "")
                if before != now:
                    say("Note: the code has changed since this evaluation began.")
            run.reopen()
            run.tags({"folder": str(folder), **tags})
            return run
    choices = first.choices
    run = store.start(
        name,
        {
            **code,
            **provenance.machine_tags(),
            "protocol": choices.protocol,
            "protocol.note": choices.protocol_note,
            "folder": str(folder),
            "data.source": str(images.source),
            "data.fingerprint": str(images.fingerprint),
            "folds": f"{len(divided)} by {divided[0].by}",
            **tags,
        },
    )
    owner.own(folder, run.id)
    run.params(tracking.flattened({key: v for key, v in first.config.items() if key not in NO_PARAMS}))
    run_files.write_config(folder / "files", first.config)
    return run


def _fold(
    store: tracking.Store,
    parent: tracking.Run,
    folder: Path,
    given: OfSeed,
    fold: Fold | OwnSplit,
    options: FoldOptions,
) -> tuple[OutOfFold, dict[str, float]]:
    """What a fold says and measures: as it was kept, gone on with, or made."""
    if (folder / SAID).is_file():
        kept_folds.settle(store, parent, folder)
        return _kept(folder)
    resume = kept_folds.resumable(store, folder)
    trial = {"study": Path(folder).parent.name, "fold": fold.number, "name": fold.words}
    config = {**given.config, "trial": trial}
    choices = replace(given.choices, split=fold)
    start = time.monotonic()
    kept: list[tuple[OutOfFold, dict[str, float]]] = []

    def finished(
        classifier: Classifier, data: SquatData, images: Images, metrics: Mapping[str, float]
    ) -> None:
        said = _said(classifier, data, images, given.seed, fold, options)
        out_of_fold.write(folder / OUT_OF_FOLD, said)
        with written_whole(folder / SAID) as temporary:
            temporary.write_text(json.dumps(with_checksum({"metrics": dict(metrics)})))
        kept.append((said, dict(metrics)))

    name = f"{fold.words}, seed {given.seed}"
    tags = {PARENT: parent.id, "fold": str(fold.number), "seed": str(given.seed)}
    folder.mkdir(parents=True, exist_ok=True)
    output = (folder / "output.txt").open("a", buffering=1, encoding="utf-8")
    with running.unheard(), output, redirect_stdout(output):
        train(choices, config, folder, resume, tags, Trial(name, ["test/squat_accuracy"]), finished)
    said, metrics = kept[0]
    say(
        f"{name}: {metrics['test/squat_accuracy']:.1%} of squats right"
        f"{' (resumed)' if resume else ''}, {time.monotonic() - start:.1f} s"
    )
    return said, metrics


def _kept(folder: Path) -> tuple[OutOfFold, dict[str, float]]:
    try:
        known = without_checksum(json.loads((folder / SAID).read_text()))
        return out_of_fold.read(folder / OUT_OF_FOLD), known["metrics"]
    except (ValueError, KeyError) as error:
        raise UserError(f"{folder / SAID} is damaged; take {folder} away and start again") from error


def _said(
    classifier: Classifier,
    data: SquatData,
    images: Images,
    seed: int,
    fold: Fold | OwnSplit,
    options: FoldOptions,
) -> OutOfFold:
    """What the network, and every guesser fitted to the fold's train, says of its test and references."""
    train, found = data.parts["train"], []
    head = _head(classifier, train) if isinstance(classifier.target, Form) else None
    asked = [part for name, part in data.parts.items() if name in ("test", "reference")]
    guessed = guesses(images, train, asked, options.guessers, seed)
    for part, said_of_part in zip(asked, guessed, strict=True):
        outputs = _outputs(classifier, part)
        said = {NETWORK: classifier.target.p_good(outputs).numpy()}
        if head is not None:
            said[HEAD] = head.predict_proba(outputs.numpy())[:, 1]
        found.append(answers(images, part, said | said_of_part, seed, fold.number))
    return OutOfFold.joined(found)


def _outputs(classifier: Classifier, part: Part) -> torch.Tensor:
    """(m, outputs) on the CPU, of every image of the part in its order; a part that is shuffled is not."""
    with torch.inference_mode():
        return torch.cat([classifier.outputs_of(batch).float().cpu() for batch in part.in_order()])


def _head(classifier: Classifier, train: Part) -> Any:
    """Logistic regression of the labels on what the network reads off the images that it was trained on."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    made = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    return made.fit(_outputs(classifier, train).numpy(), train.label.numpy())


def _keep(
    folder: Path, everything: OutOfFold, found: Mapping[str, verdict.Judged], words: Sequence[str]
) -> None:
    out_of_fold.write(folder / OUT_OF_FOLD, everything)
    if can_draw():
        squats = out_of_fold.over_seeds(everything)
        score, label = squats.scores.score, squats.scores.label
        p_good = {"as it is": out_of_fold.probabilities(score)}
        if (p := by_others(score, label, squats.fold)) is not None:
            p_good["at others' standard"] = p
        said = {name: Said(p, label, squats.group) for name, p in p_good.items()}
        draw_reliability(folder / "reliability.png", said, "Squats left out of training")
    plain = {
        guesser: {
            "values": {name: [v if v == v else None for v in some] for name, some in one.values.items()},
            "intervals": dict(one.intervals),
        }
        for guesser, one in found.items()
    }
    for name, text in (("scores.json", json.dumps(plain, indent=1)), ("scores.txt", "\n".join(words) + "\n")):
        with written_whole(folder / name) as temporary:
            temporary.write_text(text, encoding="utf-8")
