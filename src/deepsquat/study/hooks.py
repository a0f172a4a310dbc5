"""Where a project tells the sweeper more: what makes two studies two, and what to do when trials end."""

from collections.abc import Collection, Mapping
from typing import Any, Literal

from omegaconf import DictConfig

# How a start of a sweep ended: every point done, some not, or by Ctrl-C and its like.
Ending = Literal["done", "undone", "interrupted"]


class Hooks:
    """Named by hydra.sweeper.hooks, made with a config of the sweep. Every method may be left as it is."""

    def __init__(self, config: DictConfig, name: str, folder: str) -> None:
        self.config, self.name, self.folder = config, name, folder

    def check(self, config: DictConfig) -> None:
        """Looks at the config of a trial that is to come, before the first one.

        Raises:
            UserError: no trial can run with it.
        """

    def metrics(self) -> Collection[str] | None:
        """The names of all that a trial returns; None where they are not known before."""
        return None

    def identity(self) -> Mapping[str, str]:
        """What must be the same at every start beside the config, such as the data's fingerprint."""
        return {}

    def version(self) -> str:
        """Of the code. A change is said and kept with the trials, but does not stop the sweep."""
        return ""

    def on_start(self, study: Any) -> Mapping[str, Any]:
        """Before the first trial of this start. What it returns is added to each config's node `trial`."""
        return {}

    def on_trial_end(self, study: Any, trial: Any) -> None:
        """After each trial of this process; the optuna.Study and its FrozenTrial."""

    def on_end(self, study: Any, ending: Ending) -> None:
        """After the last trial of this start, also where `on_start` was not reached or did not end."""
