"""One step of a training: forward, backward, Adam. In pieces over the cores of a CPU, as a graph on a GPU."""

import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from deepsquat.model.convnet import ConvNet

# Trains on images (B, 3, H, W) and labels (B,); gives (3,): bce, penalty and accuracy of the batch.
Step = Callable[[Tensor, Tensor], Tensor]

_EAGER = 3  # steps of one batch size before its graph: cuDNN chooses its algorithms, Adam makes its moments


def measured(logits: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
    """Cross-entropy and accuracy, both means over images and the two outputs."""
    target = torch.stack([1 - label, label], dim=1).float()
    return (
        binary_cross_entropy_with_logits(logits, target),
        ((logits > 0) == target.bool()).float().mean(),
    )


def penalty_of(network: ConvNet, l2: float) -> Tensor:
    """The L2 term of the loss. Its gradient is added by the optimizer, at a fraction of autograd's cost."""
    with torch.no_grad():
        return l2 * network.squared_weights()


def make_step(
    network: ConvNet,
    optimizer: torch.optim.Optimizer,
    l2: float,
    batch_size: int,
    device: torch.device,
    compile: bool = False,
) -> Step:
    """The step for a device. compile: through torch.compile, on a GPU."""
    on_gpu = device.type == "cuda"
    for group in optimizer.param_groups:
        group["capturable"] = on_gpu  # a checkpoint may come from the other kind of device
    at_once = network.at_once(device, batch_size)
    optimizer._warned_capturable_if_run_uncaptured = True  # the first steps are
    spread = _Whole(network, at_once, compile) if on_gpu else _Spread(network, at_once, batch_size)

    def step(images: Tensor, label: Tensor) -> Tensor:
        optimizer.zero_grad(set_to_none=True)
        penalty = penalty_of(network, l2)
        bce, accuracy = spread(images, label)
        optimizer.step()
        return torch.stack([bce, penalty, accuracy])

    return Graphed(step) if on_gpu else step


def _backward(network: Callable[[Tensor], Tensor], images: Tensor, label: Tensor, share: float) -> Tensor:
    """Adds a piece's gradients; its part of the batch's bce and accuracy, (2,)."""
    bce, accuracy = measured(network(images), label)
    (bce * share).backward()
    return torch.stack([bce.detach(), accuracy]) * share


class _Whole:
    """A batch's gradients on a GPU, in one piece where memory allows."""

    def __init__(self, network: ConvNet, at_once: int, compile: bool) -> None:
        self.network, self.at_once = network, at_once
        self.full = _compiled(network) if compile else network

    def __call__(self, images: Tensor, label: Tensor) -> Tensor:
        sums = torch.zeros(2, device=images.device)
        for piece, its_label in zip(images.split(self.at_once), label.split(self.at_once), strict=True):
            # The rest of an epoch is smaller, and not worth a compilation of its own.
            forward = self.full if len(piece) == self.at_once else self.network
            sums += _backward(forward, piece, its_label, len(piece) / len(label))
        return sums


class _Spread:
    """A batch's gradients on a CPU: each core takes pieces of it from the images to the gradients.

    Cores that share every single operation wait for each other some hundred times a piece; where another
    program wants one of them, each time for as long as that one runs. Here they meet once a batch. Every core
    has a replica of the network, with the same weights in the same memory and gradients of its own.
    """

    def __init__(self, network: ConvNet, at_once: int, batch_size: int) -> None:
        threads = torch.get_num_threads()
        workers = min(threads, -(-batch_size // at_once))
        self.network = network
        self.at_once = min(at_once, -(-batch_size // workers))
        self.replicas = [_replica(network) for _ in range(workers)]
        each = threads // workers
        self.pool = ThreadPoolExecutor(workers, initializer=lambda: torch.set_num_threads(each))
        self.is_stopped = False

    def __call__(self, images: Tensor, label: Tensor) -> Tensor:
        pieces = list(zip(images.split(self.at_once), label.split(self.at_once), strict=True))
        seeds = torch.randint(2**62, (len(self.replicas),)).tolist()
        jobs = [
            self.pool.submit(self._some, replica, seed, pieces[i :: len(self.replicas)], len(label))
            for i, (replica, seed) in enumerate(zip(self.replicas, seeds, strict=True))
        ]
        try:
            sums = torch.stack([job.result() for job in jobs]).sum(dim=0)
        except BaseException:  # Ctrl-C reaches this thread alone
            self.is_stopped = True
            raise
        for weight, *copies in zip(
            self.network.parameters(), *(replica.parameters() for replica in self.replicas), strict=True
        ):
            found = [copy.grad for copy in copies if copy.grad is not None]
            weight.grad = found[0]
            for other in found[1:]:
                weight.grad += other
            for copy in copies:
                copy.grad = None
        return sums

    def _some(
        self, replica: ConvNet, seed: int, pieces: Sequence[tuple[Tensor, Tensor]], batch: int
    ) -> Tensor:
        replica.train().seed_dropout(seed)
        sums = torch.zeros(2)
        for images, label in pieces:
            if self.is_stopped:
                break
            sums += _backward(replica, images, label, len(label) / batch)
        return sums


def _replica(network: ConvNet) -> ConvNet:
    copy = deepcopy(network)
    for mine, weight in zip(copy.parameters(), network.parameters(), strict=True):
        mine.data, mine.grad = weight.data, None
    return copy


class Graphed:
    """A step as a CUDA graph for each batch size: launched as a whole, with no word from Python in between.

    The first steps of a size run as they are, on a stream of their own, as a capture needs it. Where a
    capture fails, the steps go on without.
    """

    def __init__(self, step: Step) -> None:
        self.step = step
        self.seen: Counter[int] = Counter()
        self.graphs: dict[int, Any] = {}
        self.may_capture = True

    def __call__(self, images: Tensor, label: Tensor) -> Tensor:
        size = len(label)
        self.seen[size] += 1
        if size not in self.graphs and self.may_capture and self.seen[size] > _EAGER:
            self._capture(size, images, label)
        if size not in self.graphs:
            return self._apart(images, label) if self.may_capture else self.step(images, label)
        graph, its_images, its_label, result = self.graphs[size]
        its_images.copy_(images)
        its_label.copy_(label)
        graph.replay()
        return result.clone()  # the next replay writes over it

    def _apart(self, images: Tensor, label: Tensor) -> Tensor:
        stream = torch.cuda.Stream(images.device)
        stream.wait_stream(torch.cuda.current_stream(images.device))
        with torch.cuda.stream(stream):
            result = self.step(images, label)
        torch.cuda.current_stream(images.device).wait_stream(stream)
        return result

    def _capture(self, size: int, images: Tensor, label: Tensor) -> None:
        graph, its_images, its_label = torch.cuda.CUDAGraph(), images.clone(), label.clone()
        try:
            with torch.cuda.graph(graph):
                result = self.step(its_images, its_label)
        except RuntimeError as error:  # a driver or a library that cannot
            self.may_capture = False
            warnings.warn(f"trains without CUDA graphs: {str(error).splitlines()[0]}", stacklevel=2)
        else:
            self.graphs[size] = graph, its_images, its_label, result


def _compiled(network: ConvNet) -> Callable[[Tensor], Tensor]:
    """The network through torch.compile: once for each architecture, whatever else differs between trials."""
    import torch._dynamo

    for name in ("recompile_limit", "cache_size_limit"):  # newer and older torch
        if hasattr(torch._dynamo.config, name):
            setattr(torch._dynamo.config, name, 64)  # architectures; beyond, it would give up in silence
            break
    return torch.compile(network, dynamic=False)
