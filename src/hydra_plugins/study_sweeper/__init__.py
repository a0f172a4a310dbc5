"""Hydra's sweeper interface over deepsquat.study: hydra/sweeper=study."""

# Hydra imports this module at every start: no slow imports here, and no `from __future__ import annotations`.
from dataclasses import field, fields, make_dataclass
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from deepsquat.study.options import StudyOptions

_Node = make_dataclass(
    "StudySweeperConf",
    [
        ("_target_", str, field(default="hydra_plugins.study_sweeper.StudySweeper")),
        *(
            (f.name, f.type, field(default=f.default, default_factory=f.default_factory))
            for f in fields(StudyOptions)
        ),
    ],
)
ConfigStore.instance().store(group="hydra/sweeper", name="study", node=_Node, provider="study_sweeper")


class StudySweeper(Sweeper):
    """One Optuna study a sweep. See deepsquat.study for the rules."""

    def __init__(self, **options: Any) -> None:
        self.values = options

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.context, self.function, self.config = hydra_context, task_function, config

    def sweep(self, arguments: list[str]) -> None:
        from deepsquat.study.launch import run

        plain = {
            key: OmegaConf.to_container(value) if OmegaConf.is_config(value) else value
            for key, value in self.values.items()
        }
        if run(StudyOptions(**plain), self.context, self.function, self.config, arguments):
            raise SystemExit(1)
