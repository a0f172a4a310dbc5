"""src/export.py: a network as ONNX."""

from omegaconf import DictConfig

from deepsquat import onnx_file
from deepsquat.commands.weights import load_weights
from deepsquat.errors import UserError
from deepsquat.files import expanded


def export(config: DictConfig) -> None:
    """Writes the file.

    Raises:
        UserError: a package is missing, the model cannot be had, or it says something else as ONNX.
    """
    onnx_file.refuse_missing()
    path = expanded(config.file, "file")
    if path.suffix != ".onnx" or path.is_dir():
        raise UserError(f"file={config.file}: must be a file whose name ends in .onnx")
    model = load_weights(config)
    farthest = onnx_file.write(path, model)
    style = model.skeleton
    print(f"{path}: {path.stat().st_size:,} bytes, {model.name}, of runs {', '.join(model.made_of['runs'])}")
    print(f"images (n, 3, {style.height}, {style.width}) -> outputs; at most {farthest:.1e} from torch's")
