"""Writes a network as ONNX: python src/export.py --help"""

import hydra
from omegaconf import DictConfig

from deepsquat.commands import run


@hydra.main(version_base=None, config_path=run.CONF, config_name="export")
def main(config: DictConfig) -> None:
    with run.user_errors():
        from deepsquat.commands import export

        export.export(config)


if __name__ == "__main__":
    run.run(main, loads="PyTorch")
