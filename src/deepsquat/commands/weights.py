"""Which model judges: weights=champion|shipped|RUN_ID|CHECKPOINT, or a folder that src/promote.py wrote."""

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from deepsquat.commands import run
from deepsquat.commands.options import build
from deepsquat.errors import UserError
from deepsquat.files import expanded

if TYPE_CHECKING:
    from deepsquat.champion import Champion

# As deepsquat.champion has them, without loading torch.
SHIPPED, PROMOTED, MODEL = run.ROOT / "data" / "models" / "champion", "promoted", "model.json"
RUN = re.compile("[0-9a-f]{32}")


def place_of(config: DictConfig) -> Path | str:
    """Where the model lies that `weights` names: a folder, a checkpoint's file, or the id of a run.

    `champion` is the promoted one where there is one, else that which is shipped.

    Raises:
        UserError: there is no such model.
    """
    asked = config.weights
    if asked == "shipped":
        return SHIPPED
    if asked == "champion":
        promoted = expanded(config.paths.data, "paths.data") / PROMOTED
        return promoted if (promoted / MODEL).is_file() else SHIPPED
    path = expanded(asked, "weights")
    if path.exists():
        return path
    if RUN.fullmatch(str(asked)):
        return str(asked)
    raise UserError(
        f"weights={asked}: must be champion, shipped, the id of a run, a checkpoint's file, or a folder that "
        "src/promote.py wrote; none of these is there"
    )


def identity(place: Path | str) -> str:
    """By which a model is known to be the same one, without loading it.

    Raises:
        UserError: its file cannot be read.
    """
    if isinstance(place, str):
        return place  # a finished run stays as it is
    path = place / MODEL if place.is_dir() else place
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); it is a model's file") from error


def load(config: DictConfig, place: Path | str) -> "Champion":
    """The model that lies there.

    A run's network that was not promoted is calibrated on the run's own val squats, or where they are few,
    not at all.

    Raises:
        UserError: it cannot be used.
    """
    from deepsquat import champion

    if isinstance(place, Path) and place.is_dir():
        return champion.load(place)
    from deepsquat.commands import candidate  # a second later: it can build whatever a run was told

    if isinstance(place, Path):
        return candidate.model_of(candidate.of_checkpoint(place), place.stem)
    store = build(config, "tracking").open_store()
    return candidate.model_of(candidate.of_run(store, place), f"run {place[:8]}")


def load_weights(config: DictConfig) -> "Champion":
    """The model that `weights` names.

    Raises:
        UserError: there is no such model, or it cannot be used.
    """
    return load(config, place_of(config))
