"""From Hydra's config to the dataclasses of the stages, types and ranges checked."""

from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from deepsquat.errors import UserError
from deepsquat.tracking.mlflow import MlflowOptions


def build(config: DictConfig, group: str) -> Any:
    """The dataclass that the group's `_target_` names, filled with its values, types checked.

    Raises:
        UserError: an unknown key, a value of the wrong type, or a class that is not ours.
    """
    from hydra.utils import get_class

    node = config[group]
    if not str(node["_target_"]).startswith("deepsquat."):
        raise UserError(f"{group}._target_: {node['_target_']} is no class of deepsquat")
    cls = get_class(node["_target_"])
    schema = OmegaConf.structured(cls)
    _unlock(schema)
    values = OmegaConf.to_container(node, resolve=True)
    try:
        return OmegaConf.to_object(OmegaConf.merge(schema, _plain(values)))
    except OmegaConfBaseException as error:
        key = f"{group}.{error.full_key}" if error.full_key else group
        raise UserError(f"{key}: {str(error).splitlines()[0]}") from error


def _plain(values: Any) -> Any:
    """Without the `_target_` keys; nested dataclasses are known from the fields' types."""
    if not isinstance(values, dict):
        return values
    return {key: _plain(value) for key, value in values.items() if key != "_target_"}


def _unlock(node: Any) -> None:
    """Frozen dataclasses give read-only nodes; they must be filled once."""
    OmegaConf.set_readonly(node, False)
    if isinstance(node, DictConfig):
        for key in node:
            child = node._get_node(key)
            if isinstance(child, DictConfig) and not child._is_none():
                _unlock(child)


def mlflow(config: DictConfig, why: str) -> MlflowOptions:
    """The tracking options of a command that reads or writes MLflow alone.

    Raises:
        UserError: plain files are asked for.
    """
    options = build(config, "tracking")
    if not isinstance(options, MlflowOptions):
        raise UserError(
            f"tracking=offline: {why}; bring the runs there with python src/sync.py {options.folder}, "
            "and leave tracking=offline out"
        )
    return options
