"""The paper's tables on prepared images, in pieces: python src/reproduce.py --help"""

import hydra
from omegaconf import DictConfig

from deepsquat.commands import run


@hydra.main(version_base=None, config_path=run.CONF, config_name="reproduce")
def main(config: DictConfig) -> None:
    with run.user_errors():
        from deepsquat.commands import reproduce

        reproduce.reproduce(config)


if __name__ == "__main__":
    run.run(main)
