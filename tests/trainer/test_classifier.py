"""An epoch's means, by hand; a network that fails on images that it was not tried on."""

import pytest
import torch
from torch import Tensor, nn

from deepsquat.errors import UserError
from deepsquat.model.network import tried
from deepsquat.optim.adam import AdamOptions
from deepsquat.trainer.classifier import Classifier, _Epoch
from deepsquat.trainer.metrics.accuracy import accuracy
from deepsquat.trainer.target import GoodOrBad


def test_an_epochs_train_values_are_weighed_by_images() -> None:
    """The paper's 8,544 images: 17 steps of 500, with one output in two right, and one of 44, with none.

    bce: (17 * 500 * 1 + 44 * 10) / 8544 = 8940 / 8544 = 1.046348 (by steps 27 / 18 = 1.5).
    accuracy: 17 * 500 * 0.5 / 8544 = 0.497425, and not 17 / 36 = 0.472222.
    """
    epoch = _Epoch()
    for bce, outputs, images in [(1.0, [1.0, 1.0], 500)] * 17 + [(10.0, [1.0, -1.0], 44)]:
        good = torch.ones(images, dtype=torch.int64)
        epoch.add(torch.tensor([bce, 2.0]), torch.tensor(outputs).expand(images, 2), good, good)
    assert epoch.means() == pytest.approx((1.046348, 2.0), abs=1e-6)
    assert accuracy(epoch.answers(GoodOrBad())) == pytest.approx(0.497425, abs=1e-6)


class Embedded(nn.Module):
    """Knows the pixel values below 100 alone: zeros, which it is tried on, pass."""

    def __init__(self) -> None:
        super().__init__()
        self.values = nn.Embedding(100, 2)

    def forward(self, images: Tensor) -> Tensor:
        return self.values(images.long().clamp(max=200)).mean(dim=(1, 2, 3))


class Packaged(Embedded):
    """As if it were one of the package."""

    __module__ = "deepsquat.model.packaged"


@pytest.mark.parametrize(("cls", "error"), [(Embedded, UserError), (Packaged, IndexError)])
def test_a_network_of_ones_own_that_fails_on_real_images_is_named(
    cls: type[Embedded], error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    network = tried(cls, {}, (3, 4, 4), 2)
    classifier = Classifier(network, GoodOrBad(), {}, AdamOptions(batch_size=2))
    batch = torch.full((2, 3, 4, 4), 255, dtype=torch.uint8), torch.tensor([0, 1]), torch.tensor([0, 1])
    classifier.evaluate("val", [(torch.zeros_like(batch[0]), *batch[1:])], torch.device("cpu"))
    with pytest.raises(error, match="index out of range") as raised:
        classifier.evaluate("test", [batch], torch.device("cpu"))
    monkeypatch.setattr(classifier, "optimizers", lambda **_: torch.optim.SGD(classifier.parameters()))
    classifier.on_train_start()
    with pytest.raises(error, match="index out of range"):
        classifier.training_step(batch, 0)
    if error is UserError:
        assert str(raised.value).startswith(f"model._target_={__name__}.Embedded: IndexError: ")
        assert "test_classifier.py, line" in str(raised.value)
