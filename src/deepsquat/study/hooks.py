"""Where a project tells the sweeper more: what makes two studies two, and what to do when trials end."""

from collections.abc import Mapping
from typing import Any

from omegaconf import DictConfig


class Hooks:
    """Named by hydra.sweeper.hooks, made with a config of the sweep. Every method may be left as it is."""

    def __init__(self, config: DictConfig, name: str, folder: str) -> None:
        self.config, self.name, self.folder = config, name, folder

    def identity(self) -> Mapping[str, str]:
        """What must be the same at every start beside the config, such as the data's fingerprint."""
        return {}

    def version(self) -> str:
        """Of the code. A change is said and kept with the trials, but does not stop the sweep."""
        return ""

    def on_start(self, study: Any) -> Mapping[str, Any]:
        """Before the first trial of this start. What it returns is added to the node `trial` of every job."""
        return {}

    def on_trial_end(self, study: Any, trial: Any) -> None:
        """After each trial of this process; the optuna.Study and its FrozenTrial."""

    def on_end(self, study: Any, finished: bool) -> None:
        """After the last trial of this start; finished is False after Ctrl-C."""
