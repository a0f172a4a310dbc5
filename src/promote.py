"""Makes a finished run the champion: python src/promote.py --help"""

import sys

import hydra
from omegaconf import DictConfig

from deepsquat.commands import predict, run
from deepsquat.overrides import hydra_text

words = sys.argv[1:]
if ids := predict.take_files(words):  # before Hydra, which takes no bare word
    words.append(f"runs={hydra_text(ids)}")


@hydra.main(version_base=None, config_path=run.CONF, config_name="promote")
def main(config: DictConfig) -> None:
    with run.user_errors():
        from deepsquat.commands import promote

        promote.promote(config)


if __name__ == "__main__":
    sys.argv[1:] = words
    run.run(main, loads="PyTorch and MLflow")
