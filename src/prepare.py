"""Makes the landmark table of a source of squats: python src/prepare.py --help"""

import hydra
from omegaconf import DictConfig

from deepsquat.commands import run


@hydra.main(version_base=None, config_path=run.CONF, config_name="prepare")
def main(config: DictConfig) -> None:
    with run.user_errors():
        from deepsquat.commands import prepare

        prepare.prepare(config)


if __name__ == "__main__":
    run.run(main)
