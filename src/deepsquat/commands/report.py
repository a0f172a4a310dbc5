"""src/report.py: the paper's tables beside ours."""

from pathlib import Path

from omegaconf import DictConfig

from deepsquat.commands import options


def report(config: DictConfig) -> None:
    """Writes the report."""
    store = options.mlflow(config, "src/report.py reads MLflow")
    from deepsquat.paper.report import write

    write(store, config.runs.protocol, config.runs.data, Path(config.folder))
