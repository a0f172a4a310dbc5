"""What the report reads out of MLflow: runs as plain data."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deepsquat.tracking.mlflow import Store

_MOST = 5000  # runs read at once


@dataclass(frozen=True)
class Trained:
    """One training as MLflow knows it."""

    id: str
    status: str
    started: int  # milliseconds since 1970
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]

    def number(self, param: str) -> float:
        """A parameter as a number."""
        return float(self.params[param])


@dataclass(frozen=True)
class Sweep:
    """A parent run and the finished training of each cell, the latest where there are several."""

    name: str
    trained: Sequence[Trained]


def _plain(run: Any) -> Trained:
    return Trained(
        run.info.run_id,
        run.info.status,
        run.info.start_time,
        run.data.params,
        run.data.metrics,
        {**run.data.tags},
    )


def _searched(store: Store, condition: str) -> list[Trained]:
    found = store.client.search_runs(
        [store.experiment], condition, max_results=_MOST, order_by=["attributes.start_time DESC"]
    )
    return [_plain(run) for run in found]


def _fits(run: Trained, protocol: str | None, data: str | None) -> bool:
    return (protocol is None or run.tags.get("protocol") == protocol) and (
        data is None or run.tags.get("data.source") == data
    )


def latest_sweep(store: Store, kind: str, protocol: str | None, data: str | None) -> Sweep | None:
    """The sweep of this kind (the beginning of its name) with the latest finished training that fits."""
    latest: tuple[int, Sweep] | None = None
    for parent in _searched(store, f"tags.sweep LIKE '{kind}%'"):
        children = _searched(store, f"tags.`mlflow.parentRunId` = '{parent.id}'")
        done = [
            run
            for run in children
            if run.status == "FINISHED" and "pruned" not in run.tags and _fits(run, protocol, data)
        ]
        if done and (latest is None or done[0].started > latest[0]):
            latest = done[0].started, Sweep(parent.tags["sweep"], done)
    return latest[1] if latest else None


def latest_single(
    store: Store, params: Mapping[str, float], protocol: str | None, data: str | None
) -> Trained | None:
    """The latest finished training outside any sweep that has these numbers among its parameters."""
    for run in _searched(store, "attributes.status = 'FINISHED'"):
        alone = "mlflow.parentRunId" not in run.tags and "test/loss" in run.metrics
        if (
            alone
            and _fits(run, protocol, data)
            and all(run.number(name) == value for name, value in params.items() if name in run.params)
        ):
            return run
    return None


def predictions(store: Store, run: Trained, part: str) -> list[tuple[int, float]]:
    """(label, probability of good form) of every image of the part; empty where the run kept none."""
    from mlflow.exceptions import MlflowException

    try:
        path = Path(store.client.download_artifacts(run.id, "predictions.csv"))
    except (MlflowException, OSError):
        return []
    with path.open(encoding="utf-8") as file:
        return [
            (int(row["label"]), float(row["p_good"])) for row in csv.DictReader(file) if row["part"] == part
        ]
