"""Makes the landmark table of a source of squats: python src/prepare.py --help"""

import hydra
from omegaconf import DictConfig

from deepsquat import command


@hydra.main(version_base=None, config_path=command.CONF, config_name="prepare")
def main(config: DictConfig) -> None:
    with command.user_errors():
        from deepsquat import jobs

        jobs.prepare(config)


if __name__ == "__main__":
    command.run(main)
