"""What MLflow does not do alike for every run."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from deepsquat.tracking import mlflow_run
from deepsquat.tracking.mlflow import MlflowOptions

DATA = ("squats", "f" * 40, "drawn", "{}")


@contextmanager
def overtaken(run: mlflow_run.Run) -> Iterator[list[int]]:
    """While another run is about to add a data set that it has not found, this one adds it."""
    flushes: list[int] = []

    def add(session: Session, *_: Any) -> None:
        flushes.append(1)
        if len(flushes) == 1 and any(type(new).__name__ == "SqlDataset" for new in session.new):
            run.dataset(*DATA)

    event.listen(Session, "before_flush", add)
    try:
        yield flushes
    finally:
        event.remove(Session, "before_flush", add)


def test_two_runs_that_log_one_data_set_at_once_have_both(options: MlflowOptions) -> None:
    store = options.open_store()
    runs = [mlflow_run.Run(store.client, store.start("a run", {}).id, "RUNNING", {}) for _ in range(2)]
    with overtaken(runs[1]) as flushes:
        runs[0].dataset(*DATA)
    assert len(flushes) == 3  # the second was in between, and the first tried twice
    found = [store.client.get_run(run.id).inputs.dataset_inputs for run in runs]
    assert [[known.dataset.name for known in inputs] for inputs in found] == [["squats"], ["squats"]]
    assert found[0][0].dataset.digest == found[1][0].dataset.digest == "f" * 36


def test_what_is_wrong_for_another_reason_is_not_tried_again(options: MlflowOptions) -> None:
    store = options.open_store()
    run = mlflow_run.Run(store.client, "0" * 32, "RUNNING", {})
    with pytest.raises(Exception, match="not found"):
        run.dataset(*DATA)
