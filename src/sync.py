"""Brings offline runs into MLflow: python src/sync.py --help"""

import hydra
from omegaconf import DictConfig

from deepsquat.commands import run, sync


@hydra.main(version_base=None, config_path=run.CONF, config_name="sync")
def main(config: DictConfig) -> None:
    with run.user_errors():
        sync.sync(config)


def with_folder_named() -> None:
    sync.name_folder()
    main()


if __name__ == "__main__":
    run.run(with_folder_named, loads="MLflow")
