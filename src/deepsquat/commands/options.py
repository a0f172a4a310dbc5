"""From Hydra's config to what the stages take, types and ranges checked."""

from collections.abc import Callable
from dataclasses import is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from deepsquat.commands import arguments
from deepsquat.data.joined import Joined
from deepsquat.errors import UserError
from deepsquat.tracking.mlflow import MlflowOptions
from deepsquat.trust import named, reason

if TYPE_CHECKING:
    from pytorch_lightning import Callback

    from deepsquat.model.network import Network
    from deepsquat.trainer.metrics import Metric
    from deepsquat.trainer.target import Target

_DATA = Path(__file__).resolve().parents[3] / "conf" / "data"


def build(config: DictConfig, group: str) -> Any:
    """The dataclass that the group's `_target_` names, filled with its values, types checked.

    Raises:
        UserError: an unknown key, a value of the wrong type, or a class that may not be named.
    """
    cls = _target(config, group)
    if cls is Joined:
        return Joined(tuple(_sources(config, "data.of", config.data.get("of")).items()))
    if not is_dataclass(cls):
        raise UserError(f"{group}._target_: {config[group]['_target_']} is no dataclass of options")
    schema = OmegaConf.structured(cls)
    _unlock(schema)
    values = OmegaConf.to_container(config[group], resolve=True)
    try:
        return OmegaConf.to_object(OmegaConf.merge(schema, _plain(values)))
    except OmegaConfBaseException as error:
        key = f"{group}.{error.full_key}" if error.full_key else group
        raise UserError(f"{key}: {str(error).splitlines()[0]}") from error


def build_network(config: DictConfig, target: "Target", height: int, width: int) -> "Network":
    """The network that `model._target_` names, tried on images of that size before any data is touched.

    Raises:
        UserError: it may not be named, does not fit its values or the images, or wants too much memory.
    """
    from torch import nn

    from deepsquat.model.network import tried

    cls = _target(config, "model")
    if not (isinstance(cls, type) and issubclass(cls, nn.Module)):
        raise UserError(f"model._target_={config.model['_target_']} is no torch.nn.Module")
    values = _plain(OmegaConf.to_container(config.model, resolve=True))
    told = arguments.fitted(
        cls, values, "model", {"height": height, "width": width, "outputs": target.outputs}
    )
    return tried(cls, told, target.shape(height, width), target.outputs)


def build_metrics(config: DictConfig) -> dict[str, "Metric"]:
    """Every metric by its name, with the options under `metrics`.

    Raises:
        UserError: one is not there, may not be named, or does not fit its options.
    """
    from functools import partial

    from deepsquat.trainer import metrics

    told = OmegaConf.to_container(config.get("metrics") or OmegaConf.create(), resolve=True)
    assert isinstance(told, dict)
    found: dict[str, Metric] = {}
    for name in dict.fromkeys([*metrics.names(), *map(str, told)]):
        options = told.get(name) or {}
        key = f"metrics.{name}"
        if not isinstance(options, dict):
            raise UserError(f"{key} must hold options by name, got {options!r}")
        if "_target_" not in options and name not in metrics.names():
            there = ", ".join(metrics.names())
            raise UserError(f"{key}: there is no such metric; there are {there}, or {key}._target_ names it")
        own = f"{metrics.__name__}.{name}.{name}"
        function = named(str(options.get("_target_", own)), f"{key}._target_")
        found[name] = partial(function, **arguments.fitted(function, _plain(options), key, {}, first=1))
    return found


def build_callbacks(config: DictConfig) -> dict[str, "Callable[[], Callback]"]:
    """What makes each callback by its name, anew for every training; each has been made once.

    Raises:
        UserError: one may not be named, is none of Lightning's, or does not fit its values.
    """
    from functools import partial

    from pytorch_lightning import Callback

    told = OmegaConf.to_container(config.get("callbacks") or OmegaConf.create(), resolve=True)
    assert isinstance(told, dict)
    found: dict[str, Callable[[], Callback]] = {}
    states: dict[str, str] = {}  # under which a checkpoint keeps a callback's state: whose
    for name, options in ((str(name), options) for name, options in told.items()):
        key = f"callbacks.{name}"
        if not isinstance(options, dict) or "_target_" not in options:
            raise UserError(
                f"{key} must name its class: {key}._target_=PACKAGE.MODULE.CLASS; got {options!r}"
            )
        cls = named(str(options["_target_"]), f"{key}._target_")
        if not (isinstance(cls, type) and issubclass(cls, Callback)):
            raise UserError(f"{key}._target_={options['_target_']} is no pytorch_lightning.Callback")
        made = partial(cls, **arguments.fitted(cls, _plain(options), key, {}))
        try:
            state = made().state_key
        except Exception as error:
            raise UserError(f"{key}: {reason(error)}") from error
        if state in states:
            raise UserError(
                f"{key}: a checkpoint could not tell it from callbacks.{states[state]}; give the class a "
                "state_key that says its values"
            )
        found[name], states[state] = made, name
    return found


def build_sources(config: DictConfig) -> dict[str, Any]:
    """What stands under `evaluation.on`: by name, an option of data and values of it.

    Raises:
        UserError: no such option, or values that it does not take.
    """
    if OmegaConf.is_missing(config.evaluation, "on"):
        raise UserError("evaluation.on: say what to test on, as in {mine: {option: videos, root: DIR}}")
    return _sources(config, "evaluation.on", config.evaluation.on)


def _sources(config: DictConfig, key: str, told: Any) -> dict[str, Any]:
    """Sources of data by name, from {NAME: {option: OPTION, ...}}, or [OPTION, {option: OPTION, ...}]."""
    if OmegaConf.is_list(told):
        each = [{"option": one} if isinstance(one, str) else one for one in told]
        names = [one.get("option") if isinstance(one, dict | DictConfig) else None for one in each]
        if twice := {name for name in names if names.count(name) > 1}:
            raise UserError(
                f"{key}: {twice.pop()} is there twice; name each, as in {{NAME: {{option: ...}}}}"
            )
        entries = dict(zip(names, each, strict=True))
    else:
        if not OmegaConf.is_dict(told):
            raise UserError(
                f"{key} must name options of data, as in [ui_prmd,synthetic] or {{NAME: {{option: OPTION}}}}"
            )
        entries = dict(told.items())
    return {str(name): _source(config, f"{key}.{name}", one) for name, one in entries.items()}


def _source(config: DictConfig, key: str, told: Any) -> Any:
    option = told.get("option") if isinstance(told, dict | DictConfig) else None
    file = _DATA / f"{option}.yaml"
    if not isinstance(option, str) or not file.is_file():
        there = ", ".join(sorted(path.stem for path in _DATA.glob("*.yaml")))
        raise UserError(f"{key} must name an option of data, as in {{option: videos, root: DIR}}: {there}")
    values = {word: value for word, value in told.items() if word != "option"}
    with open_dict(config):
        alone = OmegaConf.merge(config, {"data": None})
    assert isinstance(alone, DictConfig)
    alone.data = OmegaConf.merge(OmegaConf.load(file), values)
    try:
        return build(alone, "data")
    except UserError as error:
        raise UserError(f"{key}: {error}") from error


def narrow(config: DictConfig, overrides: list[str]) -> None:
    """Where `model._target_` was typed, leaves of the model only what was typed with it.

    The values of the option that it takes the place of are another network's.
    """
    typed = arguments.typed(overrides, "model")
    if "_target_" in typed:
        kept = {key: config.model._get_node(key) for key in config.model if key in typed}
        with open_dict(config):
            config.model = kept


def _target(config: DictConfig, group: str) -> Any:
    return named(str(config[group].get("_target_")), f"{group}._target_")


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


def listed(config: DictConfig, key: str, may_be_empty: bool = False) -> list[str]:
    """A value that is one text, or several as in [A,B].

    Raises:
        UserError: it is not given, empty, or something else.
    """
    value: Any = None if OmegaConf.is_missing(config, key) else config[key]
    texts: list[Any] = list(value) if OmegaConf.is_list(value) else [value]
    texts = [str(text) if type(text) in (int, float) else text for text in texts]
    if not all(isinstance(text, str) and text.strip() for text in texts) or not (texts or may_be_empty):
        raise UserError(f"{key}: give one, or several as in {key}=[A,B]; got {value}")
    return texts


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
