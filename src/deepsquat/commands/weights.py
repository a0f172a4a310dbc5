"""Which model judges: weights=champion|shipped|RUN_ID|CHECKPOINT, or a folder that src/promote.py wrote."""

from omegaconf import DictConfig

from deepsquat import champion
from deepsquat.champion import Champion
from deepsquat.commands.options import build
from deepsquat.errors import UserError
from deepsquat.files import expanded


def load_weights(config: DictConfig) -> Champion:
    """The model that `weights` names.

    `champion` is the promoted one where there is one, else that which is shipped. A run's network that was
    not promoted is calibrated on the run's own val squats, or where they are few, not at all.

    Raises:
        UserError: there is no such model, or it cannot be used.
    """
    asked = config.weights
    if asked == "shipped":
        return champion.load()
    if asked == "champion":
        promoted = expanded(config.paths.data, "paths.data") / champion.PROMOTED
        return champion.load(promoted if (promoted / champion.MODEL).is_file() else champion.FOLDER)
    path = expanded(asked, "weights")
    if path.is_dir():
        return champion.load(path)
    from deepsquat.commands import candidate  # a second later: it can build whatever a run was told

    if path.is_file():
        return candidate.model_of(candidate.of_checkpoint(path), path.stem)
    if candidate.RUN.fullmatch(str(asked)):
        store = build(config, "tracking").open_store()
        return candidate.model_of(candidate.of_run(store, str(asked)), f"run {str(asked)[:8]}")
    raise UserError(
        f"weights={asked}: must be champion, shipped, the id of a run, a checkpoint's file, or a folder that "
        "src/promote.py wrote; none of these is there"
    )
