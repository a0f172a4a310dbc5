"""Trains a CNN on pose images of squats: python src/train.py --help"""

import hydra
from omegaconf import DictConfig

from deepsquat import command


@hydra.main(version_base=None, config_path=command.CONF, config_name="train")
def main(config: DictConfig) -> dict[str, float]:
    with command.user_errors():
        from deepsquat import jobs

        return jobs.train(config)


if __name__ == "__main__":
    command.run(main)
