"""The paper's tables beside ours: python src/report.py --help"""

import hydra
from omegaconf import DictConfig

from deepsquat import command


@hydra.main(version_base=None, config_path=command.CONF, config_name="report")
def main(config: DictConfig) -> None:
    with command.user_errors():
        from deepsquat import jobs

        jobs.report(config)


if __name__ == "__main__":
    command.run(main)
