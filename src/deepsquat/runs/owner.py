"""Which run a folder belongs to."""

from pathlib import Path

from deepsquat.errors import UserError
from deepsquat.files import add_checksum, read_checked, written_whole
from deepsquat.trainer.checkpoint import LAST

NAME = "run_id"


def owner(folder: Path) -> str:
    """The id of the run whose files the folder holds; empty where there is none.

    Raises:
        UserError: the file that says it is damaged.
    """
    path = folder / NAME
    if not path.exists():
        return ""
    return read_checked(path, "start a new run in another folder").decode()


def own(folder: Path, run_id: str) -> None:
    """Says that the folder is the run's."""
    with written_whole(folder / NAME) as temporary:
        temporary.write_text(run_id)
        add_checksum(temporary)


def check_free(folder: Path, resumed: str | None) -> None:
    """Refuses a folder with another run's files. resumed: the run that may have some there.

    Raises:
        UserError: there are.
    """
    found = owner(folder)
    if found and found != resumed:
        raise UserError(
            f"{folder} holds the files of the run {found}; "
            f"resume={found} goes on with it, and hydra.run.dir=DIR takes another folder"
        )
    if not found and resumed is None and ((folder / "files").exists() or (folder / LAST).exists()):
        raise UserError(
            f"{folder} holds the files of a run of an earlier version; name another with hydra.run.dir=DIR"
        )
