"""A step's numbers: worked out by hand, those of a bare loop, and the same on any number of cores."""

import json
import math
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator

import pytest
import torch
from torch import Tensor, nn

from deepsquat.errors import UserError
from deepsquat.model.convnet import ConvNet
from deepsquat.model.dropout import Dropout, dropout_from
from deepsquat.model.network import tried
from deepsquat.optim.adam import AdamOptions
from deepsquat.trainer.classifier import Classifier
from deepsquat.trainer.pieces import may_be_split
from deepsquat.trainer.steps import Step, answers, make_step, refuse_large_batch
from deepsquat.trainer.target import GoodOrBad
from program import ROOT

HEIGHT, WIDTH = 32, 24
CPU = torch.device("cpu")


def classifier_of(make: Callable[..., nn.Module], options: AdamOptions, **arguments: object) -> Classifier:
    return Classifier(tried(make, arguments, (3, HEIGHT, WIDTH), 2), GoodOrBad(), {}, options)


def step_of(classifier: Classifier) -> Step:
    optimizer, size = classifier.configure_optimizers(), classifier.chosen.bytes_per_image
    return make_step(classifier.network, classifier.loss, optimizer, classifier.options.batch_size, CPU, size)


def convnet_of_one_block() -> nn.Module:
    return convnet(blocks=1)


def convnet(**arguments: object) -> nn.Module:
    return ConvNet(HEIGHT, WIDTH, **arguments)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def batches(n: int, size: int, seed: int = 0) -> list[tuple[Tensor, Tensor]]:
    generator = torch.Generator().manual_seed(seed)
    shape = (size, HEIGHT, WIDTH, 3)
    return [
        (
            torch.rand(shape, generator=generator).permute(0, 3, 1, 2),
            torch.randint(0, 2, (size,), generator=generator),
        )
        for _ in range(n)
    ]


class Tied(nn.Module):
    """Two layers of one weight, one that nothing uses, and a mean over the batch."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.AvgPool2d(4), nn.Flatten(), nn.Linear(3 * 8 * 6, 20))
        self.second, self.third, self.unused = nn.Linear(20, 20), nn.Linear(20, 20), nn.Linear(20, 20)
        self.third.weight = self.second.weight
        self.last = nn.Linear(20, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.third(self.second(self.first(x)).relu()).relu()
        return self.last(x - x.mean(dim=0))


class Added(nn.Module):
    """A layer whose weight is the sum of two: one tensor is the gradient of both."""

    each_image_alone = True

    def __init__(self) -> None:
        super().__init__()
        self.before = nn.Sequential(nn.AvgPool2d(4), nn.Flatten())
        self.one, self.other = nn.Linear(3 * 8 * 6, 20), nn.Linear(3 * 8 * 6, 20)
        self.last = nn.Linear(20, 2)

    def forward(self, x: Tensor) -> Tensor:
        weight, bias = self.one.weight + self.other.weight, self.one.bias + self.other.bias
        return self.last(nn.functional.linear(self.before(x), weight, bias).relu())


class Counting(nn.Module):
    """Keeps a running mean of what it saw, and goes by it."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("seen", torch.zeros(()))
        self.layers = nn.Sequential(nn.AvgPool2d(4), nn.Flatten(), nn.Linear(3 * 8 * 6, 20), nn.ReLU())
        self.last = nn.Linear(20, 2)

    def forward(self, x: Tensor) -> Tensor:
        self.seen += 0.5 * (x.mean() - self.seen)
        return self.last(self.layers(x - self.seen))


def plain(*more: nn.Module) -> nn.Sequential:
    return nn.Sequential(
        *(nn.Conv2d(3, 8, 3), *more, nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8 * 15 * 11, 16)),
        *(nn.ReLU(), nn.Linear(16, 2)),
    )


def normalised() -> nn.Module:
    return plain(nn.BatchNorm2d(8), nn.Dropout(0.3))


def frozen() -> nn.Module:
    network = plain()
    network[0].requires_grad_(False)
    return network


def tied_in_pieces() -> nn.Module:
    network = nn.Sequential(
        *(nn.AvgPool2d(4), nn.Flatten(), nn.Linear(3 * 8 * 6, 20), nn.ReLU(), nn.Linear(20, 20), nn.ReLU()),
        *(nn.Linear(20, 20), nn.ReLU(), nn.Linear(20, 2)),
    )
    network[6].weight = network[4].weight
    return network


def bare_losses(
    network: nn.Module, penalised: Iterable[str], data: list[tuple[Tensor, Tensor]], options: AdamOptions
) -> list[float]:
    """As one would write it: the penalty by autograd, whole batches, and Adam by Keras's formula."""
    weights = [w for w in network.parameters() if w.requires_grad]
    counted = [network.get_parameter(name) for name in penalised]
    m, v = ([torch.zeros_like(w) for w in weights] for _ in range(2))
    losses = []
    for t, (images, label) in enumerate(data, start=1):
        network.zero_grad()
        target = torch.eye(2)[label]
        bce = nn.functional.binary_cross_entropy_with_logits(network(images), target)
        loss = bce + options.l2 * sum((w**2).sum() for w in counted)
        loss.backward()
        losses.append(float(loss.detach()))
        rate = options.lr * math.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        with torch.no_grad():
            for i, weight in enumerate(weights):
                if weight.grad is not None:
                    m[i] = 0.9 * m[i] + 0.1 * weight.grad
                    v[i] = 0.999 * v[i] + 0.001 * weight.grad**2
                    weight -= rate * m[i] / (v[i].sqrt() + 1e-7)
    return losses


@pytest.mark.parametrize(
    ("make", "in_pieces"),
    [
        (plain, True),
        (frozen, True),
        (tied_in_pieces, True),
        (Added, True),
        (lambda: plain(nn.BatchNorm2d(8)), False),
        (lambda: plain(nn.Dropout(0.3)), False),
        (Tied, False),
        (Counting, False),
    ],
    ids=["plain", "frozen", "tied", "added", "batch_norm", "torchs_dropout", "own_forward", "own_buffer"],
)
def test_losses_of_twenty_steps_are_those_of_a_bare_loop(
    make: Callable[[], nn.Module], in_pieces: bool
) -> None:
    torch.set_num_threads(1)  # small operations, which cores that share them would only slow down
    options, data = AdamOptions(lr=3e-3, l2=1e-3, batch_size=11), batches(20, 11)
    torch.manual_seed(0)
    classifier = classifier_of(make, options)
    network, known = classifier.network, classifier.chosen
    assert may_be_split(network) == in_pieces
    torch.manual_seed(1)
    step = step_of(classifier)
    ours = [float(step(images, label)[0].sum()) for images, label in data]
    torch.manual_seed(0)
    bare = make()
    torch.manual_seed(1)
    expected = bare_losses(bare, known.penalised, data, options)
    assert ours == pytest.approx(expected, rel=1e-4)
    assert max(expected) - min(expected) > 0.01  # something moved
    # By the buffers too, such as BatchNorm's. (Not each weight: a bias before BatchNorm moves by rounding.)
    said = answers(network.eval(), data[0][0], known.bytes_per_image)
    torch.testing.assert_close(said, bare.eval()(data[0][0]), rtol=1e-2, atol=1e-3)


class Trusting(nn.Sequential):
    """Says nothing of its own forward; and its parent's word is not its own."""


class Saying(nn.Sequential):
    each_image_alone = True


class Overriding(Saying):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) - x.mean()


def test_only_what_is_known_or_says_so_goes_in_pieces() -> None:
    assert may_be_split(convnet(blocks=1))
    assert may_be_split(Saying(nn.Linear(1, 1)))
    assert not may_be_split(Trusting(nn.Linear(1, 1)))
    assert not may_be_split(Overriding(nn.Linear(1, 1)))
    assert not may_be_split(Saying(nn.BatchNorm1d(1)))
    norm = nn.BatchNorm2d(1)
    assert not may_be_split(norm.eval())  # its weights learn, and the next epoch takes the whole batch
    norm.requires_grad_(False)
    assert may_be_split(norm) and not may_be_split(norm.train())
    unkept = nn.BatchNorm2d(1, track_running_stats=False).requires_grad_(False)
    assert not may_be_split(unkept.eval())
    assert not may_be_split(nn.utils.parametrizations.spectral_norm(nn.Linear(2, 2)))
    hooked = nn.Linear(1, 1)
    hooked.register_forward_pre_hook(lambda module, given: None)  # which may do anything
    assert not may_be_split(hooked)


def trained(cores: int, blocks: int = 2, n: int = 3) -> list[Tensor]:
    """Measures, weights and answers after n steps of 18 images, with dropout."""
    torch.set_num_threads(cores)
    torch.manual_seed(0)
    classifier = classifier_of(convnet, AdamOptions(lr=1e-3, l2=1e-3, batch_size=18), blocks=blocks)
    step, data = step_of(classifier), batches(n, 18)
    measures = [step(255 * images, label)[0] for images, label in data]
    network = classifier.network.eval()
    said = answers(network, 255 * data[0][0], classifier.chosen.bytes_per_image)
    return [*measures, *network.parameters(), said]


@pytest.mark.parametrize("blocks", [1, 2])
def test_the_bits_are_the_same_on_any_number_of_cores(blocks: int) -> None:
    one = trained(1, blocks)
    assert len({float(measures[0]) for measures in one[:3]}) == 3
    for cores in (2, 3, 2):
        assert all(torch.equal(a, b) for a, b in zip(trained(cores, blocks), one, strict=True)), cores


def test_whole_batches_differ_by_the_order_of_sums_alone() -> None:
    """BatchNorm: cores share every operation, and each adds up its part. The dropout is torch's own."""
    found = []
    for cores in (1, 2):
        torch.set_num_threads(cores)
        torch.manual_seed(0)
        step = step_of(classifier_of(normalised, AdamOptions(lr=1e-3, batch_size=18)))
        found.append([step(images, label)[0][0].item() for images, label in batches(4, 18)])
    assert found[0] == pytest.approx(found[1], rel=1e-4)


def test_dropout_differs_from_piece_to_piece_and_from_step_to_step() -> None:
    torch.manual_seed(0)
    images, label = batches(1, 1)[0]
    still = AdamOptions(lr=1e-12, l2=0.0, batch_size=16)
    step = alone = step_of(classifier_of(convnet, still, blocks=1, dropout=0.5))
    # If all pieces dropped the same, sixteen times one image would cost as much as one alone.
    torch.manual_seed(1)
    seen = [float(alone(255 * images, label)[0][0]) for _ in range(8)]
    assert len(set(seen)) == 8
    torch.manual_seed(1)
    assert float(step(255 * images.expand(16, -1, -1, -1), label.expand(16))[0][0]) not in seen


def test_a_batch_that_must_go_through_whole_fits_into_the_memory_or_is_refused() -> None:
    whole, pieces = (tried(make, {}, (3, HEIGHT, WIDTH), 2) for make in (Tied, convnet_of_one_block))
    for network in (whole, pieces):
        refuse_large_batch(network, 100, CPU)
    refuse_large_batch(pieces, 10**10, CPU)
    with pytest.raises(UserError, match=r"^optim.batch_size=10000000000: Tied takes a batch as a whole"):
        refuse_large_batch(whole, 10**10, CPU)


def test_an_error_in_a_piece_comes_out_and_the_next_batch_goes_on() -> None:
    step = step_of(classifier_of(plain, AdamOptions(batch_size=18)))
    (images, label), *_ = batches(1, 18)
    with pytest.raises(RuntimeError):
        step(images[:, :2], label)
    assert step(images, label)[0].isfinite().all()


def dropped_and_losses() -> tuple[list[bool], list[float]]:
    with dropout_from(torch.Generator().manual_seed(3)):
        kept = Dropout(0.25)(torch.ones(1000)).ne(0).tolist()
    return kept, [value for measures in trained(2)[:3] for value in measures.tolist()]


def test_on_another_kind_of_cpu_the_dropout_is_the_same_and_the_losses_nearly() -> None:
    """Another instruction set stands for another CPU: sums there have another order."""
    script = "import json; from trainer.test_steps import dropped_and_losses as f; print(json.dumps(f()))"
    less = {"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41"}
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, **less, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT / 'tests'}"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    (kept, losses), (its_kept, its_losses) = dropped_and_losses(), json.loads(done.stdout)
    assert kept == its_kept and 700 < sum(kept) < 800
    assert losses == pytest.approx(its_losses, rel=1e-3)
