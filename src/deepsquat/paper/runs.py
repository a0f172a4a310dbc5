"""What the report reads out of MLflow: runs as plain data."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deepsquat.errors import UserError
from deepsquat.runs.files import PREDICTIONS, read_predictions
from deepsquat.tracking import PARENT
from deepsquat.tracking.mlflow import Store
from deepsquat.trainer.predictions import Predictions

_MOST = 5000  # runs read at once
# Params that say where and how often, not what was run; data and poses are known by their fingerprint.
_NOT_WHAT = re.compile(
    r"(data|pose|trial|paths|tracking)\.|(seed|resume|trial|parameters|trainer\.accelerator|trainer\.compile)$"
)


@dataclass(frozen=True)
class Only:
    """Which runs count: those of a protocol, of a source of data; None: of any."""

    protocol: str | None = None
    data: str | None = None


@dataclass(frozen=True)
class Trained:
    """One run, as MLflow has it."""

    id: str
    status: str
    started: int  # milliseconds since 1970
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]

    def number(self, param: str) -> float:
        """A parameter as a number."""
        return float(self.params[param])

    def has(self, wanted: Mapping[str, Any]) -> bool:
        """Whether every one of these params is there and says the same; text matches by its beginning."""
        return all(_same(self.params.get(name), value) for name, value in wanted.items())

    @property
    def what(self) -> tuple[frozenset[tuple[str, str]], str | None, str | None]:
        """What was run, but for the seed: network, options, protocol, data. Repetitions share it."""
        params = frozenset((name, value) for name, value in self.params.items() if not _NOT_WHAT.match(name))
        return params, self.tags.get("protocol"), self.tags.get("data.fingerprint")


def alike(one: Trained, other: Trained, swept: Sequence[str]) -> bool:
    """Whether two runs differ by what is swept and the seed alone, as far as both say what they were told."""
    a, b = (
        {name: value for name, value in run.params.items() if not (_NOT_WHAT.match(name) or name in swept)}
        for run in (one, other)
    )
    tags = all(one.tags.get(name) == other.tags.get(name) for name in ("protocol", "data.fingerprint"))
    return tags and all(a[name] == b[name] for name in a.keys() & b.keys())


def _same(said: str | None, wanted: Any) -> bool:
    if said is None:
        return False
    if isinstance(wanted, str):
        return said.startswith(wanted)
    try:
        return float(said) == wanted
    except ValueError:
        return False


@dataclass(frozen=True)
class Sweep:
    """A parent run, and the runs of it that were trained to their end, the latest first."""

    name: str
    trained: Sequence[Trained]


def together(sweeps: Sequence[Sweep], swept: Sequence[str]) -> Sweep | None:
    """The first sweep with what others, made alike, add to it: a grid may have been run in parts."""
    if not sweeps:
        return None
    first = sweeps[0].trained[0]
    fitting = [sweep for sweep in sweeps if all(alike(first, run, swept) for run in sweep.trained)]
    runs = [run for sweep in fitting for run in sweep.trained]
    names = ", ".join(sweep.name for sweep in fitting) or sweeps[0].name
    return Sweep(names, sorted(runs or sweeps[0].trained, key=lambda run: -run.started))


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


def _counts(run: Trained, only: Only) -> bool:
    return (
        run.status == "FINISHED"
        and "pruned" not in run.tags
        and (only.protocol is None or run.tags.get("protocol") == only.protocol)
        and (only.data is None or run.tags.get("data.source") == only.data)
    )


def refuse_unknown(store: Store, only: Only, protocols: Sequence[str], sources: Sequence[str]) -> None:
    """Refuses a protocol or a source of data that neither the project nor any run has.

    Raises:
        UserError: names those that there are.
    """
    asked = (
        ("runs.protocol", "protocol", only.protocol, protocols),
        ("runs.data", "data.source", only.data, sources),
    )
    for name, tag, value, shipped in asked:
        if value is None or value in shipped:
            continue
        known = {run.tags.get(tag, "") for run in _searched(store, "")} | {*shipped}
        if value not in known:
            raise UserError(
                f"{name}={value}: there is none of this name; there are {', '.join(sorted(known - {''}))}"
            )


def sweeps(store: Store, option: str, swept: Sequence[str], only: Only) -> list[Sweep]:
    """The sweeps made by this option of `sweep`, the one with the latest run first.

    swept: its params, by which the sweeps are found that do not say their option.
    """
    found = []
    for parent in _searched(store, "tags.sweep LIKE '%'"):
        made_by = parent.tags.get("sweep.option")
        if made_by != option and not (made_by is None and _swept(parent) == {*swept}):
            continue
        children = _searched(store, f"tags.`{PARENT}` = '{parent.id}'")
        if done := [run for run in children if _counts(run, only)]:
            found.append(Sweep(parent.tags["sweep"], done))
    return sorted(found, key=lambda sweep: -sweep.trained[0].started)


def _swept(parent: Trained) -> set[str]:
    """The names in a search space such as "model.blocks=1,2 optim.l2=1e-2,1e-3"."""
    return set(re.findall(r"(?:^| )\+*([\w./@]+)=", parent.tags.get("search space", "")))


def latest(store: Store, wanted: Mapping[str, Mapping[str, Any]], only: Only) -> Trained | None:
    """The latest run that was tested and has the params that are wanted under its protocol."""
    for run in _searched(store, "attributes.status = 'FINISHED'"):
        params = wanted.get(run.tags.get("protocol", ""))
        whole = "test/loss" in run.metrics and "fold" not in run.tags
        if params and whole and _counts(run, only) and run.has(params):
            return run
    return None


def predictions(store: Store, run: Trained) -> Mapping[str, Predictions]:
    """What the run said of every image, by part; empty where it kept none.

    Raises:
        UserError: the file is damaged.
    """
    from mlflow.exceptions import MlflowException

    try:
        path = Path(store.client.download_artifacts(run.id, PREDICTIONS))
    except (MlflowException, OSError):
        return {}
    return read_predictions(path)
