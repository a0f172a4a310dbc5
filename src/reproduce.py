"""The paper's tables on prepared images, in pieces: python src/reproduce.py --help"""

import hydra
from omegaconf import DictConfig

from deepsquat.commands import reproduce, run


@hydra.main(version_base=None, config_path=run.CONF, config_name="reproduce")
def main(config: DictConfig) -> None:
    with run.user_errors():
        reproduce.reproduce(config)


def with_protocol_named() -> None:
    reproduce.name_protocol()
    main()


if __name__ == "__main__":
    run.run(with_protocol_named)
