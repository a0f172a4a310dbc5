"""Finds the squats in videos and writes them into a labels file: python src/label.py --help"""

import sys

import hydra
from omegaconf import DictConfig

from deepsquat.commands import label, predict, run

words = sys.argv[1:]
files = predict.take_files(words)  # before Hydra, which takes no bare path


@hydra.main(version_base=None, config_path=run.CONF, config_name="label")
def main(config: DictConfig) -> None:
    with run.user_errors():
        label.label(config, files)


if __name__ == "__main__":
    sys.argv[1:] = words
    run.run(main)
