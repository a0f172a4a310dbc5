"""src/prepare.py: the landmark table, and the file of images where one is asked for."""

from omegaconf import DictConfig

from deepsquat.commands.options import build
from deepsquat.data.arrays import ArrayFile
from deepsquat.errors import UserError
from deepsquat.files import expanded


def prepare(config: DictConfig) -> None:
    """Prepares the data; a second start finds them prepared."""
    options = {group: build(config, group) for group in ("data", "pose", "skeleton")}

    if isinstance(options["data"], ArrayFile):
        raise UserError("data=arrays: these images are prepared already; train on them with src/train.py")
    folder = expanded(config.paths.data, "paths.data")
    if config.export is None:
        from deepsquat.pose.table import prepare as prepare_table

        prepare_table(options["data"], options["pose"], folder)
        return
    from deepsquat.images import load_images, save

    path = expanded(config.export, "export")
    if path.suffix != ".npz" or path.is_dir():
        raise UserError(f"export={config.export}: must be a file whose name ends in .npz")
    images = load_images(options["data"], options["pose"], options["skeleton"], folder)
    save(path, images)
    print(f"{len(images.images)} images in {path}; train on them with data=arrays data.file={path}")
