"""Makes a finished run the model that is shipped: python src/promote.py --help"""

import hydra
from omegaconf import DictConfig

from deepsquat.commands import run


@hydra.main(version_base=None, config_path=run.CONF, config_name="promote")
def main(config: DictConfig) -> None:
    with run.user_errors():
        from deepsquat.commands import promote

        promote.promote(config)


if __name__ == "__main__":
    run.run(main)
