"""Speed beside references' from the same run: python src/bench.py --help"""

import hydra
from omegaconf import DictConfig

from deepsquat import command


@hydra.main(version_base=None, config_path=command.CONF, config_name="bench")
def main(config: DictConfig) -> None:
    with command.user_errors():
        from deepsquat.bench import job

        job.bench(config)


if __name__ == "__main__":
    command.run(main)
