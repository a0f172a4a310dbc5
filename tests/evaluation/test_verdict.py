"""What is said of answers whose worth is known."""

import numpy as np
import pytest

from deepsquat.evaluation.out_of_fold import OutOfFold
from deepsquat.evaluation.verdict import alarms, judged, lines, metric_names, metrics

SUBJECTS, EACH = 10, 20


def answers(guesser: str, seed: int, worth: float, own_level: float = 0.0, marked: bool = False) -> OutOfFold:
    """Of ten subjects with as many good squats as bad: a logit that knows the label by `worth`.

    own_level: how far each subject's logits are moved. marked: each one's first squat is a reference.
    """
    rng = np.random.default_rng([seed, len(guesser)])
    n = SUBJECTS * EACH
    subject, label = np.arange(n) // EACH, 1 - np.arange(n) % 2
    moved = own_level * np.random.default_rng(5).normal(size=SUBJECTS)[subject]
    return OutOfFold(
        guesser=np.full(n, guesser),
        seed=np.full(n, seed),
        fold=subject,
        squat=np.array([f"s{s}#{i:03d}" for i, s in enumerate(subject)]),
        video=np.array([f"v{s}" for s in subject]),
        subject=np.array([f"s{s}" for s in subject]),
        frame=np.zeros(n, int),
        label=label,
        reference=(np.arange(n) % EACH == 0).astype(int) * marked,
        logit=rng.normal(size=n) + worth * (label - 0.5) + moved,
    )


def test_scores_of_seeds_have_a_mean_and_a_spread_and_an_interval_around_it() -> None:
    """Two normal scores a distance d apart: the area is that of d over the root of two, .856 for 1.5."""
    found = judged(OutOfFold.joined([answers("network", seed, 1.5) for seed in range(4)]), "none")["network"]
    assert len(found.values["squat/auc"]) == 4
    assert found.mean("squat/auc") == pytest.approx(0.856, abs=0.03) and 0 < found.spread("squat/auc") < 0.06
    low, high = found.intervals["squat/auc"] or (0, 0)
    assert low < found.mean("squat/auc") < high and high - low < 0.2
    assert found.mean("subject/auc") == pytest.approx(found.mean("squat/auc"), abs=0.03)


def test_a_reference_takes_away_what_is_the_persons_own_and_both_columns_are_of_the_same_squats() -> None:
    found = judged(answers("network", 0, 4, own_level=6), "first_good")["network"]
    assert found.mean("reference/auc_without") < 0.75 < 0.9 < found.mean("reference/auc")
    without = found.mean("reference/balanced_accuracy_without")
    assert found.mean("reference/balanced_accuracy") > 0.8 > without
    assert (
        found.mean("reference/auc_lowest") < found.mean("reference/auc") < found.mean("reference/auc_highest")
    )
    marked = judged(answers("network", 0, 4, own_level=6, marked=True), "marked")["network"]
    assert marked.mean("reference/auc_lowest") == marked.mean("reference/auc_highest")  # one choice
    # Without its use, the score is of the very squats that are left when the references are taken out.
    assert marked.mean("reference/auc_without") == pytest.approx(marked.mean("squat/auc"))
    assert "reference/auc" not in judged(answers("network", 0, 4), "marked")["network"].values


def test_a_standard_of_others_is_found_where_the_networks_own_is_off() -> None:
    """Good above a logit of -3, not 0: as it is, nearly all is bad; the others' labels say where it lies."""
    off = answers("network", 0, 5)
    moved = OutOfFold(**{**vars(off), "logit": off.logit - 3})
    found = judged(moved, "none")["network"]
    assert found.mean("squat/balanced_accuracy") < 0.7
    assert found.mean("by_others/balanced_accuracy") > 0.95
    assert found.mean("by_others/calibration_error") < 0.08


def test_an_oracle_that_reaches_the_network_is_an_alarm() -> None:
    network = answers("network", 0, 2)
    for worth, said in ((2.0, True), (0.0, False)):
        found = judged(OutOfFold.joined([network, answers("knows_video", 0, worth)]), "none")
        sentences = alarms(found, "a split by squat")
        assert bool(sentences) is said
        assert (
            not said or "a guesser that knows nothing but the video of a squat reaches an AUC" in sentences[0]
        )


def test_one_split_alone_has_no_standard_of_others() -> None:
    own = OutOfFold.joined([answers("network", seed, 2) for seed in (0, 1)])
    found = judged(OutOfFold(**{**vars(own), "fold": own.fold * 0}), "first_good")
    values = metrics(found)
    assert "folds/squat/auc" in values and "folds/reference/auc" in values
    assert not [name for name in values if "by_others" in name or "reference/balanced_accuracy" in name]
    assert "nan" not in "\n".join(lines(found))


def test_the_tables_and_the_names_of_the_metrics_hold_every_guesser() -> None:
    found = judged(
        OutOfFold.joined([answers("network", 0, 2), answers("forest_measures", 0, 1)]), "first_good"
    )
    text = "\n".join(lines(found))
    assert "per subject" in text and text.count("forest measures") == 2 and "beside one reference" in text
    values = metrics(found)
    assert set(metric_names("first_good")) <= set(values)
    assert values["baseline/forest_measures/squat/auc"] < values["folds/squat/auc"]
