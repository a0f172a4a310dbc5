"""The paper's tables beside ours: python src/report.py --help"""

import hydra
from omegaconf import DictConfig

from deepsquat.commands import run


@hydra.main(version_base=None, config_path=run.CONF, config_name="report")
def main(config: DictConfig) -> None:
    with run.user_errors():
        from deepsquat.commands import report

        report.report(config)


if __name__ == "__main__":
    run.run(main, loads="MLflow")
