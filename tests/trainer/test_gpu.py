"""The GPU's steps against the CPU's; needs a GPU."""

import pytest
import torch

from deepsquat.model.convnet import ConvNet
from deepsquat.model.network import Network, tried
from deepsquat.optim.adam import AdamOptions
from deepsquat.trainer.classifier import Classifier
from deepsquat.trainer.steps import make_step
from deepsquat.trainer.target import GoodOrBad

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")

HEIGHT, WIDTH, BATCH = 96, 54, 32
OPTIM = AdamOptions(lr=1e-5, l2=1e-4, batch_size=BATCH)
# bf16 keeps eight binary digits. These steps with a CPU's bf16 came within 0.011 of fp32, for three seeds.
TOLERANCE = 0.03


def batches(n: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """A bright stripe on the left or on the right, in noise."""
    generator = torch.Generator().manual_seed(0)
    made = []
    for _ in range(n):
        label = torch.randint(0, 2, (BATCH,), generator=generator)
        images = torch.randint(0, 80, (BATCH, 3, HEIGHT, WIDTH), generator=generator)
        for image, one in zip(images, label.tolist(), strict=True):
            image[:, :, 40 * one : 40 * one + 12] += 150
        made.append((images.to(torch.uint8).contiguous(memory_format=torch.channels_last), label))
    return made


def chosen(**values: object) -> Network:
    return tried(ConvNet, {"height": HEIGHT, "width": WIDTH, **values}, (3, HEIGHT, WIDTH), 2)


def losses(network: Network, device: str, n: int, compile: bool = False) -> torch.Tensor:
    """(n, 2): bce and penalty of each step on a network of the same weights."""
    torch.manual_seed(0)
    classifier = Classifier(network, GoodOrBad(), {}, OPTIM).to(device)
    optimizer, size = classifier.configure_optimizers(), network.bytes_per_image
    step = make_step(
        classifier.network, classifier.loss, optimizer, BATCH, torch.device(device), size, compile
    )
    return torch.stack([step(x.to(device), y.to(device))[0].cpu() for x, y in batches(n)])


@pytest.fixture(scope="module")
def network() -> Network:
    return chosen(blocks=2, dropout=0.0)


@pytest.mark.parametrize("compile", [False, True])
def test_losses_are_those_of_the_cpu(network: Network, compile: bool) -> None:
    """Twelve steps: three before the graph, the rest by replaying it."""
    cpu, gpu = losses(network, "cpu", 12), losses(network, "cuda", 12, compile)
    assert cpu[-1, 0] < 0.9 * cpu[0, 0]  # something was learnt, so that the steps are not all alike
    torch.testing.assert_close(gpu[:, 1], cpu[:, 1], rtol=1e-3, atol=0)
    torch.testing.assert_close(gpu[:, 0], cpu[:, 0], rtol=TOLERANCE, atol=TOLERANCE)


def test_dropout_in_a_graph_differs_from_step_to_step() -> None:
    torch.manual_seed(0)
    still = AdamOptions(lr=1e-12, l2=0.0, batch_size=BATCH)
    network = chosen(blocks=1, dropout=0.5)
    classifier = Classifier(network, GoodOrBad(), {}, still).to("cuda")
    step = make_step(
        classifier.network,
        classifier.loss,
        classifier.configure_optimizers(),
        BATCH,
        torch.device("cuda"),
        network.bytes_per_image,
    )
    (x, y), *_ = batches(1)
    seen = {float(step(x.cuda(), y.cuda())[0][0]) for _ in range(10)}
    assert len(seen) == 10
