"""Studies by their names: where one is, and what to say where it is not."""

from pathlib import Path
from typing import Any

from deepsquat.errors import UserError


def study_by_name(
    runs: Path,
    name: str,
    storage: str | None,
    asked: str,
    kinds: str = "study",
    option: str = "hydra.sweeper.storage",
) -> Any:
    """The optuna.Study whose folder is in `runs`. asked: what the user typed; kinds: what it may be; option:
    which says where trials are kept.

    Raises:
        UserError: there is none, or its trials are kept elsewhere.
    """
    folder = runs / name
    if "/" in name or not (folder / "study.id").is_file():
        studies = sorted(path.parent.name for path in runs.glob("*/study.id"))
        there = f"there are {', '.join(studies)}" if studies else "no study is there"
        raise UserError(f"{asked}: there is no {kinds} of that name; {there}")
    import optuna

    from deepsquat.study.storage import open_storage

    try:
        return optuna.load_study(
            study_name=name, storage=open_storage(storage or str(folder / "study.journal"))
        )
    except KeyError:
        raise UserError(f"{asked}: its trials are kept elsewhere; say where with {option}=ADDRESS") from None
