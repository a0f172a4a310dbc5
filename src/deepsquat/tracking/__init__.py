"""What keeps the runs. Each option is a module: `mlflow`, and `offline`, plain files where no MLflow is.

Callers make a store from their options and use it, and its runs, through what is here alone.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

# The step of what is measured once a run: MLflow's page draws it as a bar beside other runs', not as one dot.
WHOLE_RUN = 0
PARENT = "mlflow.parentRunId"  # the tag of a sweep's trial: the id of the sweep's own run


class Options(Protocol):
    """The options of a module."""

    def open_store(self) -> "Store":
        """The store.

        Raises:
            UserError: it cannot be reached, or not be written.
        """
        ...


class Store(ABC):
    """Where runs are kept."""

    @abstractmethod
    def start(self, name: str, tags: Mapping[str, str]) -> "Run":
        """A new run. Its tag "folder" names the folder of its files.

        Raises:
            UserError: the store does not answer, or does not take it.
        """

    @abstractmethod
    def tagged(self, tags: Mapping[str, str]) -> "list[Run]":
        """The runs that have all of these tags, oldest first."""

    @abstractmethod
    def how_to_look(self, run_id: str | None = None) -> str:
        """What a user does to look at a run, or at all of the experiment."""

    @abstractmethod
    def find(self, run_id: str) -> "Run":
        """A run by its id.

        Raises:
            UserError: there is no such run.
        """

    def register(self, run_id: str, folder: Path, name: str, alias: str | None) -> str:
        """Keeps a model's files with its run, as the newest version of a name. In words, what was registered.

        alias: that this version gets; None: none. Empty where the store keeps no models.
        """
        return ""


class Run(ABC):
    """One run: thin, so that what is kept reads as plain data."""

    def __init__(self, run_id: str, status: str, tags: Mapping[str, str]) -> None:
        self.id, self.status = run_id, status
        self._tags = tags

    def tag(self, name: str) -> str:
        """The tag's value when the run was looked up; empty where it has none."""
        return self._tags.get(name, "")

    @abstractmethod
    def reopen(self) -> None:
        """Marks the run RUNNING again, without the error that it may have ended by."""

    @abstractmethod
    def rename(self, name: str) -> None: ...

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

    def write_unwritten(self) -> bool:
        """Writes what an earlier process could not; whether there was something.

        Raises:
            UserError: the store does not take it now either, or the files are damaged.
        """
        return False

    def unwritten(self) -> str:
        """One line on what the store has not taken, and how it is brought there; empty where it has all."""
        return ""

    @contextmanager
    def ending(self, pruned: type[Exception]) -> Iterator["Run"]:
        """Ends the run FINISHED, KILLED where it was interrupted, or FAILED with the reason as a tag.

        pruned: what is raised where the sweep prunes the run, which then ends FINISHED.
        """
        try:
            yield self
            self.end("FINISHED")
        except BaseException as error:
            with suppress(Exception):  # the first error is the one that the user must know
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
