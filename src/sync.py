"""Brings offline runs into MLflow: python src/sync.py --help"""

import re
import sys

import hydra
from omegaconf import DictConfig

from deepsquat import command
from deepsquat.errors import UserError


@hydra.main(version_base=None, config_path=command.CONF, config_name="sync")
def main(config: DictConfig) -> None:
    with command.user_errors():
        from deepsquat import jobs

        jobs.sync(config)


def with_folder_named() -> None:
    """Turns the DIR of `python src/sync.py DIR` into `folder=DIR`, since Hydra takes no bare path."""
    from hydra._internal.utils import get_args_parser

    words = get_args_parser().parse_known_args(sys.argv[1:])[0].overrides
    folders = [word for word in words if _is_path(word)]
    if len(folders) > 1:
        raise UserError(f"one folder at a time, which may hold the others: {' '.join(folders)}")
    for folder in folders:
        sys.argv[sys.argv.index(folder, 1)] = f"folder={_quoted(folder)}"
    main()


def _is_path(word: str) -> bool:
    """NAME=VALUE and ~NAME are Hydra's; a path with = in it is known by how it begins."""
    return word.startswith(("/", "./", "../", "~/")) or not ("=" in word or word.startswith("~"))


def _quoted(text: str) -> str:
    """As a string of Hydra's, in which backslashes count before a quote alone."""
    return "'" + re.sub(r"(\\+)(?='|$)", r"\1\1", text).replace("'", "\\'") + "'"


if __name__ == "__main__":
    command.run(with_folder_named)
