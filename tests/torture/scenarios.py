"""What is killed, how and when, dealt from a seed so that every kind comes evenly."""

import random
import signal
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """first: there is no mlflow.db yet, and the kills come while one is made."""

    what: str
    launcher: str = ""
    store: str = ""
    first: bool = False

    def __str__(self) -> str:
        words = ("first start:" if self.first else "", self.what, self.launcher, self.store)
        return " ".join(word for word in words if word)


KINDS = (
    Kind("prepare"),
    *(Kind("train", store=store) for store in ("mlflow", "offline")),
    *(Kind("sweep", launcher, store) for launcher in ("basic", "joblib") for store in ("mlflow", "offline")),
    Kind("train", store="mlflow", first=True),
    *(Kind("sweep", launcher, "mlflow", first=True) for launcher in ("basic", "joblib")),
)
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
HANDS = tuple((whom, number) for whom in ("parent", "group") for number in SIGNALS)


@dataclass(frozen=True)
class Scenario:
    """moments: of the kills, one after the other, as fractions of the time that is aimed at."""

    number: int
    kind: Kind
    whom: str
    signal: signal.Signals
    moments: tuple[float, ...]


def deal(seed: int) -> Iterator[Scenario]:
    """Scenarios without end. Ten in a row have every kind, sixty every kind with every signal to everyone."""
    chance = random.Random(seed)
    number = 0
    while True:
        hands = {kind: chance.sample(HANDS, len(HANDS)) for kind in KINDS}
        for turn in range(len(HANDS)):
            for kind in chance.sample(KINDS, len(KINDS)):
                whom, number_of_signal = hands[kind][turn]
                kills = chance.choice((1, 1, 1, 2, 3))
                moments = tuple(chance.random() for _ in range(kills))
                yield Scenario(number, kind, whom, number_of_signal, moments)
                number += 1
