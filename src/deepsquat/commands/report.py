"""src/report.py: the paper's tables beside ours."""

from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from deepsquat.commands import options, run
from deepsquat.errors import UserError
from deepsquat.files import expanded

_SOURCES = ("synthetic", "ui_prmd", "videos")  # of data; a file of arrays bears the name of what is in it


def report(config: DictConfig) -> None:
    """Writes the report."""
    store = options.mlflow(config, "src/report.py reads MLflow")
    from deepsquat.paper.report import write
    from deepsquat.paper.runs import Only

    only = Only(_name(config, "runs.protocol"), _name(config, "runs.data"))
    conf = Path(run.CONF)
    asked = {file.stem: asked_by(file, conf) for file in sorted((conf / "protocol").glob("*.yaml"))}
    write(store, only, asked, _SOURCES, expanded(config.folder, "folder"))


def _name(config: DictConfig, key: str) -> str | None:
    value = OmegaConf.select(config, key)
    if not isinstance(value, str | None) or value == "":
        raise UserError(f"{key} must be a name, or null for the latest runs of any, got {value}")
    return value


def _with_bases(protocol: Path) -> list[Any]:
    """What the file says, after what the files say that it starts from."""
    own: Any = OmegaConf.load(protocol)
    bases = [name for name in own.get("defaults", ()) if isinstance(name, str) and name != "_self_"]
    return [*(part for name in bases for part in _with_bases(protocol.with_name(f"{name}.yaml"))), own]


def asked_by(protocol: Path, conf: Path) -> dict[str, Any]:
    """The size of the images and of the steps, and how many epochs, that a protocol's file asks for.

    What it leaves out is as the files of the groups say.
    """
    files = [OmegaConf.load(file) for file in (conf / "optim/adam.yaml", conf / "skeleton/limbs.yaml")]
    told = OmegaConf.merge({"optim": files[0], "skeleton": files[1]}, *_with_bases(protocol))
    names = ("optim.lr", "optim.batch_size", "skeleton.height", "skeleton.width")
    return {
        **{name: OmegaConf.select(told, name) for name in names},
        "trainer.max_epochs": OmegaConf.select(told, "protocol.epochs"),
    }
