"""One step of a training: forward, backward, Adam. In pieces over the cores of a CPU, as a graph on a GPU."""

import math
import warnings
from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from deepsquat.optim.adam import penalised
from deepsquat.trainer import pieces

# Trains on images (B, 3, H, W) and labels (B,); gives (3,): bce, penalty and accuracy of the batch.
Step = Callable[[Tensor, Tensor], Tensor]

_EAGER = 3  # steps of one batch size before its graph: cuDNN chooses its algorithms, Adam makes its moments

# Keras clips probabilities to [1e-7, 1 - 1e-7]: here their logits, of either sign. No gradient beyond.
_FARTHEST = math.log((1 - 1e-7) / 1e-7)  # 16.118, which is also the most that an output can cost


def measured(logits: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
    """Cross-entropy of clipped probabilities, and accuracy: means over images and the two outputs."""
    target = torch.stack([1 - label, label], dim=1).float()
    return (
        binary_cross_entropy_with_logits(logits.clamp(-_FARTHEST, _FARTHEST), target),
        ((logits > 0) == target.bool()).float().mean(),
    )


def penalty_of(network: nn.Module, l2: float) -> Tensor:
    """The L2 term of the loss. Its gradient is added by the optimizer, at a fraction of autograd's cost."""
    return _penalty_begun(network, l2)()


def _penalty_begun(network: nn.Module, l2: float) -> Callable[[], Tensor]:
    """Gives the L2 term when it is called; on a CPU one core sums it meanwhile."""
    weights, device = penalised(network), next(network.parameters()).device

    def penalty() -> Tensor:
        with torch.no_grad():
            return l2 * sum((w.square().sum() for w in weights), torch.zeros((), device=device))

    if device.type == "cuda":
        value = penalty()
        return lambda: value
    return pieces.on_one_core(penalty).result


def answers(network: nn.Module, images: Tensor) -> Tensor:
    """Logits (B, 2) of images (B, 3, H, W), for what needs no gradient.

    On a CPU the same on any number of cores. Where the network does not take each image alone, the batch goes
    through it whole.
    """
    if not images.is_cuda and pieces.may_be_split(network):
        return pieces.in_pieces(network, images)
    return torch.cat(
        [network(piece) for piece in images.split(_that_fit(network, images.device, len(images)))]
    )


def make_step(
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    l2: float,
    batch_size: int,
    device: torch.device,
    compile: bool = False,
) -> Step:
    """The step for a device. compile: through torch.compile, on a GPU."""
    gradients: Callable[[Tensor, Tensor], Tensor]
    if device.type != "cuda" and pieces.may_be_split(network):
        gradients = pieces.Spread(network, measured)
    else:
        gradients = _Whole(network, _that_fit(network, device, batch_size), compile)

    def step(images: Tensor, label: Tensor) -> Tensor:
        optimizer.zero_grad(set_to_none=True)
        penalty = _penalty_begun(network, l2)
        bce, accuracy = gradients(images, label)
        measures = torch.stack([bce, penalty(), accuracy])
        optimizer.step()
        return measures

    return Graphed(step) if device.type == "cuda" else step


def _that_fit(network: nn.Module, device: torch.device, batch: int) -> int:
    """How many images to take at a time where not every core takes its own: all, if the memory allows it.

    On a GPU those that fit into half of its free memory, where the network says what one needs.
    """
    each = getattr(network, "bytes_per_image", None)
    if device.type != "cuda" or each is None or not pieces.may_be_split(network):
        return batch
    free, _ = torch.cuda.mem_get_info(device)
    free += torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return max(1, min(batch, int(0.5 * free / each)))


class _Whole:
    """A batch's gradients by all of the device, in one piece where memory allows."""

    def __init__(self, network: nn.Module, at_once: int, compile: bool) -> None:
        self.network, self.at_once = network, at_once
        self.full = _compiled(network) if compile else network

    def __call__(self, images: Tensor, label: Tensor) -> Tensor:
        sums = torch.zeros(2, device=images.device)
        for piece, its_label in zip(images.split(self.at_once), label.split(self.at_once), strict=True):
            # The rest of an epoch is smaller, and not worth a compilation of its own.
            forward = self.full if len(piece) == self.at_once else self.network
            bce, accuracy = measured(forward(piece), its_label)
            share = len(piece) / len(label)
            (bce * share).backward()
            sums += torch.stack([bce.detach(), accuracy]) * share
        return sums


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


def _compiled(network: nn.Module) -> Callable[[Tensor], Tensor]:
    """The network through torch.compile: once for each architecture, whatever else differs between trials."""
    import torch._dynamo

    for name in ("recompile_limit", "cache_size_limit"):  # newer and older torch
        if hasattr(torch._dynamo.config, name):
            setattr(torch._dynamo.config, name, 64)  # architectures; beyond, it would give up in silence
            break
    return torch.compile(network, dynamic=False)
