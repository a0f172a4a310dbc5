"""Trains a CNN on pose images of squats: python src/train.py --help"""

import hydra
from omegaconf import DictConfig

from deepsquat.commands import run


@hydra.main(version_base=None, config_path=run.CONF, config_name="train")
def main(config: DictConfig) -> dict[str, float]:
    with run.user_errors():
        from deepsquat.commands import train

        return train.train(config)


if __name__ == "__main__":
    run.run(main, sweeps=True, loads="PyTorch")
