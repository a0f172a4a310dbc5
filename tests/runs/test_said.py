"""What a run says of its results."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from deepsquat.runs.said import say_results
from deepsquat.split import Item
from deepsquat.trainer.predictions import Predictions


@pytest.mark.parametrize("loss_name", ["bce", "mean_squared_error"])
def test_the_table_has_the_loss_of_what_the_run_is_trained_to_say(
    loss_name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    choices: Any = SimpleNamespace(
        target=SimpleNamespace(loss_name=loss_name),
        protocol_note="a note",
    )
    label = np.array([0, 1])
    items = [Item(f"squat {i}", f"video {i}", "", i) for i in label]
    found = {"val": Predictions(np.arange(2), np.arange(2), label, np.array([0.25, 0.25]), items)}
    values = {"loss": 0.5, loss_name: 0.375, "accuracy": 0.75}
    metrics = {f"{part}/{name}": value for part in ("train", "val", "test") for name, value in values.items()}
    say_results(choices, "0" * 32, found, metrics, ["of another source"], "here")
    said = capsys.readouterr().out.splitlines()
    assert "of another source" in said
    head, *rows = said[1:5]
    assert head.split()[:4] == ["loss", loss_name, "accuracy", "squats"]
    assert [row.split()[:4] for row in rows] == [
        [part, "0.500", "0.375", "75.0%"] for part in ("train", "val", "test")
    ]
    for word, value in (("loss", "0.500"), (loss_name, "0.375"), ("accuracy", "75.0%")):
        assert head.index(f" {word} ") + len(word) == rows[0].index(value) + len(value) - 1
    assert "50.0%   1 of 2" in rows[1]
