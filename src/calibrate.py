"""Sets a model's standard by a few labelled squats: python src/calibrate.py --help"""

import hydra
from omegaconf import DictConfig

from deepsquat.commands import run


@hydra.main(version_base=None, config_path=run.CONF, config_name="calibrate")
def main(config: DictConfig) -> None:
    with run.user_errors():
        from deepsquat.commands import calibrate

        calibrate.calibrate(config)


if __name__ == "__main__":
    run.run(main, loads="PyTorch")
