"""From images and parts of a split to what guessers say of them."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from deepsquat.evaluation.baselines import ORACLES, Known, guessed
from deepsquat.evaluation.features import in_heights
from deepsquat.evaluation.out_of_fold import NETWORK, OutOfFold, logits
from deepsquat.evaluation.verdict import alarms, judged
from deepsquat.images import Images
from deepsquat.trainer.batches import Part


def known(images: Images) -> Known:
    """What guessers may be given of every image."""
    points = in_heights(images.landmarks, images.aspect)
    label = images.label.astype(int)
    return Known(points, images.measures, images.video, images.subject, images.squat, label)


def guesses(
    images: Images, train: Part, asked: Sequence[Part], guessers: Iterable[str], seed: int
) -> list[dict[str, np.ndarray]]:
    """For each part by guesser, fitted to train, the probability of good form (m,) of its images, copies too.

    Without those for which the images do not have what they would be given.
    """
    everything = known(images)
    learned = everything.rows(train.table_rows)
    question = everything.rows(np.concatenate([part.table_rows for part in asked]))
    ends = np.cumsum([len(part.table_rows) for part in asked])[:-1]
    found: list[dict[str, np.ndarray]] = [{} for _ in asked]
    for name in guessers:
        if (p_good := guessed(name, learned, question, seed)) is not None:
            for said, part, own in zip(found, asked, np.split(p_good, ends), strict=True):
                said[name] = np.tile(own, part.copies)
    return found


def answers(
    images: Images, part: Part, said: Mapping[str, np.ndarray], seed: int, fold: int = 0
) -> OutOfFold:
    """As rows of a table: what guessers said, (m,) each, of the images of a part."""
    rows = np.tile(part.table_rows, part.copies)
    n = len(rows)
    return OutOfFold.joined(
        [
            OutOfFold(
                guesser=np.full(n, guesser),
                seed=np.full(n, seed),
                fold=np.full(n, fold),
                squat=images.squat[rows],
                video=images.video[rows],
                subject=images.subject[rows],
                frame=images.frame[rows].astype(int),
                label=images.label[rows].astype(int),
                reference=images.reference[rows].astype(int),
                logit=logits(p_good),
            )
            for guesser, p_good in said.items()
        ]
    )


def oracle(
    images: Images, train: Part, test: Part, p_good: np.ndarray, seed: int, split: str
) -> tuple[dict[str, float], list[str]]:
    """What those score on test who know what they should not, as metrics of a run; and what that means.

    p_good: what the network said (m,) of test's images. split: in words, for the sentences.
    """
    said = {NETWORK: p_good, **guesses(images, train, [test], ORACLES, seed)[0]}
    found = judged(answers(images, test, said, seed), "none")
    scores = {f"test/oracle/{name}": one.mean("squat/auc") for name, one in found.items() if name != NETWORK}
    return {name: value for name, value in scores.items() if not np.isnan(value)}, alarms(found, split)
