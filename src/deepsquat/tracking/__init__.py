"""What keeps the runs. Each option is a module: `mlflow`, and `offline`, plain files where no MLflow is.

Callers get a store from their options and know it, and its runs, by what stands here alone.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol


class Options(Protocol):
    """The options of a module."""

    def open_store(self) -> "Store":
        """The store.

        Raises:
            UserError: it cannot be reached, or not be written.
        """
        ...

    def how_to_look(self) -> str:
        """What a user does to look at the runs."""
        ...


class Store(ABC):
    """Where runs are kept."""

    @abstractmethod
    def start(self, name: str, tags: Mapping[str, str]) -> "Run":
        """A new run."""

    @abstractmethod
    def tagged(self, tags: Mapping[str, str]) -> "list[Run]":
        """The runs that have all of these tags, oldest first."""

    @abstractmethod
    def find(self, run_id: str) -> "Run":
        """A run by its id.

        Raises:
            UserError: there is no such run.
        """


class Run(ABC):
    """One run: thin, so that what is kept reads as plain data."""

    def __init__(self, run_id: str, status: str, tags: Mapping[str, str]) -> None:
        self.id, self.status = run_id, status
        self._tags = tags

    def tag(self, name: str) -> str:
        """The tag's value when the run was looked up; empty where it has none."""
        return self._tags.get(name, "")

    @abstractmethod
    def go_on(self) -> None:
        """The run is no longer ended."""

    @abstractmethod
    def params(self, values: Mapping[str, Any]) -> None: ...

    @abstractmethod
    def tags(self, values: Mapping[str, Any]) -> None: ...

    @abstractmethod
    def metrics(self, values: Mapping[str, float], step: int) -> None: ...

    @abstractmethod
    def dataset(self, name: str, digest: str, source: str, profile: str) -> None:
        """The data set that the run was given."""

    @abstractmethod
    def artifact(self, path: Path, folder: str | None = None) -> None:
        """A file, or everything in a folder, under `folder` of the run's artifacts."""

    @abstractmethod
    def latest_metrics(self) -> dict[str, float]:
        """The last value of every metric."""

    @abstractmethod
    def history(self, keys: Sequence[str]) -> list[dict[str, float]]:
        """What was logged of the keys, one row a step, its number as "epoch"."""

    @abstractmethod
    def end(self, status: str) -> None: ...

    @contextmanager
    def ending(self, pruned: type[Exception]) -> Iterator["Run"]:
        """Ends the run FINISHED, KILLED where it was interrupted, or FAILED with the reason as a tag.

        pruned: what is raised where a sweep has seen enough of the run, which then ends FINISHED.

        Raises:
            UserError: the store itself failed, as where its disk is full.
        """
        try:
            yield self
            self.end("FINISHED")
        except BaseException as error:
            with suppress(Exception):  # what came first is what the user must know
                self._end_at(error, pruned)
            raise

    def _end_at(self, error: BaseException, pruned: type[Exception]) -> None:
        if isinstance(error, KeyboardInterrupt | SystemExit):
            self.end("KILLED")
        elif isinstance(error, pruned):
            self.tags({"pruned": str(error)})
            self.end("FINISHED")
        else:
            self.tags({"error": f"{type(error).__name__}: {error}"[:5000]})
            self.end("FAILED")


def flattened(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested values under dotted names: {"model": {"blocks": 4}} -> {"model.blocks": 4}."""
    flat: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, Mapping):
            flat |= flattened(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat
