"""src/sync.py: runs that were kept as plain files, into MLflow."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from omegaconf import DictConfig

from deepsquat.commands import options, run
from deepsquat.errors import UserError
from deepsquat.files import expanded
from deepsquat.overrides import hydra_text


def sync(config: DictConfig) -> None:
    """Imports the folder, or the archive that src/reproduce.py has packed."""
    store = options.mlflow(config, "src/sync.py writes into MLflow")
    from deepsquat.runs.missing import draw_missing
    from deepsquat.tracking.sync import import_runs

    folder = expanded(config.folder, "folder")
    if not folder.name.endswith(".tar.gz"):
        import_runs(folder, store, draw_missing)
        return
    from deepsquat.paper.packing import adopt, unpack

    if not folder.is_file():
        raise UserError(f"{folder}: there is no such file")
    adopt(folder, Path(run.home()))  # so that from=STUDY finds its studies
    with TemporaryDirectory() as unpacked:
        unpack(folder, Path(unpacked))
        import_runs(Path(unpacked), store, draw_missing)


def name_folder() -> None:
    """Turns the DIR of `python src/sync.py DIR` into `folder=DIR`, since Hydra takes no bare path."""
    from hydra._internal.utils import get_args_parser

    words = get_args_parser().parse_known_args(sys.argv[1:])[0].overrides
    folders = [word for word in words if _is_path(word)]
    if len(folders) > 1:
        raise UserError(f"one folder at a time, which may hold the others: {' '.join(folders)}")
    for folder in folders:
        sys.argv[sys.argv.index(folder, 1)] = f"folder={hydra_text(folder)}"


def _is_path(word: str) -> bool:
    """NAME=VALUE and ~NAME are Hydra's; a path with = in it is known by how it begins."""
    return word.startswith(("/", "./", "../", "~/")) or not ("=" in word or word.startswith("~"))
