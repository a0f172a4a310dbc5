"""The paper's tables on prepared images, in pieces: python src/reproduce.py --help"""

import hydra
from omegaconf import DictConfig

from deepsquat import command


@hydra.main(version_base=None, config_path=command.CONF, config_name="reproduce")
def main(config: DictConfig) -> None:
    with command.user_errors():
        from deepsquat import jobs

        jobs.reproduce(config)


if __name__ == "__main__":
    command.run(main)
