"""Sets several sweeps' studies beside each other: python src/compare.py --help"""

import sys

import hydra
from omegaconf import DictConfig

from deepsquat.commands import predict, run

words = sys.argv[1:]
names = predict.take_files(words)  # before Hydra, which takes no bare word


@hydra.main(version_base=None, config_path=run.CONF, config_name="compare")
def main(config: DictConfig) -> None:
    with run.user_errors():
        from deepsquat.commands import compare

        compare.compare(config, names)


if __name__ == "__main__":
    sys.argv[1:] = words
    run.run(main, loads="Optuna and MLflow")
