"""What is set beside a network: guessers that are simple, or that must fail if form is to be learnt."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from deepsquat.evaluation import features
from deepsquat.measures import OF_BODY

# A guesser that reaches the network and is one of these shows that the split proves nothing.
ORACLES = ("knows_video", "knows_subject", "sees_framing")


@dataclass(frozen=True)
class Known:
    """What is known of n images of labelled squats."""

    points: np.ndarray  # (n, 33, 3), see `features.in_heights`
    measures: np.ndarray  # (n, MEASURES) true of the body, as in the landmark table; NaN where unknown
    video: np.ndarray  # (n,) str
    subject: np.ndarray  # (n,) str, "" where unknown
    squat: np.ndarray  # (n,) str
    label: np.ndarray  # (n,) 1 good, 0 bad

    def rows(self, chosen: np.ndarray) -> "Known":
        return Known(**{name: values[chosen] for name, values in vars(self).items()})


Guesser = Callable[[Known, Known, int], np.ndarray | None]


def guessed(name: str, train: Known, test: Known, seed: int) -> np.ndarray | None:
    """The probability of good form (m,) that a guesser, fitted to train, gives each image of test.

    None where the data do not have what it would be given.
    """
    return GUESSERS[name](train, test, seed)


def shuffled_within(group: np.ndarray, squat: np.ndarray, label: np.ndarray, seed: int) -> np.ndarray:
    """The labels (n,) of images, those of the squats of each group dealt anew among them.

    All images of a squat keep one label, and each group as many squats of each: what is left to learn from
    them is which group a squat is of.
    """
    random = np.random.default_rng(seed)
    found = label.copy()
    for name in np.unique(group):
        own = group == name
        squats, first, number = np.unique(squat[own], return_index=True, return_inverse=True)
        found[own] = random.permutation(label[own][first])[number]
        assert len(squats) == len(first)
    return found


def _of_features(
    of: Callable[[Known], np.ndarray], make: Callable[[int], Any], train: Known, test: Known, seed: int
) -> np.ndarray | None:
    given, asked = of(train), of(test)
    if not (np.isfinite(given).all() and np.isfinite(asked).all()):
        return None
    fitted = make(seed).fit(given, train.label)
    return np.asarray(fitted.predict_proba(asked)[:, 1])


def _logistic(seed: int) -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))


def _forest(seed: int) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(200, min_samples_leaf=3, random_state=seed)


def _shuffled(train: Known, test: Known, seed: int) -> np.ndarray | None:
    """The forest on measures, of labels that say nothing; None where a group has one label, which stays."""
    group = train.subject if (train.subject != "").all() else train.video
    if any(len(set(train.label[group == name])) < 2 for name in np.unique(group)):
        return None
    label = shuffled_within(group, train.squat, train.label, seed)
    dealt = Known(**{**vars(train), "label": label})
    return _of_features(_seen, _forest, dealt, test, seed)


def _knows(what: str, train: Known, test: Known, seed: int) -> np.ndarray | None:
    """The share of good ones among the trained squats of the same group; a half of a group never seen."""
    groups: np.ndarray = getattr(train, what)
    if (groups == "").any():
        return None
    of_squat = dict(zip(train.squat, zip(groups, train.label, strict=True), strict=True))
    shares: dict[str, list[int]] = {}
    for group, label in of_squat.values():
        shares.setdefault(group, []).append(int(label))
    said = {group: (sum(labels) + 0.5) / (len(labels) + 1) for group, labels in shares.items()}
    return np.array([said.get(group, 0.5) for group in getattr(test, what)])


def _seen(known: Known) -> np.ndarray:
    return features.seen_measures(known.points)


def _true(known: Known) -> np.ndarray:
    return known.measures[:, : len(OF_BODY)]


def _raw(known: Known) -> np.ndarray:
    return features.raw_landmarks(known.points)


def _framed(known: Known) -> np.ndarray:
    return features.framing(known.points)


GUESSERS: Mapping[str, Guesser] = {
    "logistic_measures": partial(_of_features, _seen, _logistic),
    "forest_measures": partial(_of_features, _seen, _forest),
    "logistic_true_measures": partial(_of_features, _true, _logistic),
    "logistic_landmarks": partial(_of_features, _raw, _logistic),
    "forest_landmarks": partial(_of_features, _raw, _forest),
    "shuffled_labels": _shuffled,
    "knows_video": partial(_knows, "video"),
    "knows_subject": partial(_knows, "subject"),
    "sees_framing": partial(_of_features, _framed, _forest),
}
