"""One step of a training: forward, backward, Adam. In pieces over the cores of a CPU, as a graph on a GPU."""

import warnings
from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from deepsquat.errors import UserError
from deepsquat.model.network import Network
from deepsquat.processes import memory
from deepsquat.trainer import pieces
from deepsquat.trainer.forward import forward
from deepsquat.trainer.loss import Loss

# Trains on images (B, 3, H, W) and what is true of them (B, ...); gives (2,), the loss and the L2 term of the
# batch, and what the network said (B, outputs).
Step = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]

_EAGER = 3  # steps of one batch size before its graph: cuDNN chooses its algorithms, Adam makes its moments


def penalty_of(loss: Loss, device: torch.device) -> Tensor:
    """The L2 term of the loss. Its gradient is added by the optimizer, at a fraction of autograd's cost."""
    return _penalty_begun(loss, device)()


def _penalty_begun(loss: Loss, device: torch.device) -> Callable[[], Tensor]:
    """Gives the L2 term when it is called; on a CPU one core sums it meanwhile."""

    def penalty() -> Tensor:
        with torch.no_grad():
            return loss.l2 * sum((w.square().sum() for w in loss.penalised), torch.zeros((), device=device))

    if device.type == "cuda":
        value = penalty()
        return lambda: value
    return pieces.on_one_core(penalty).result


def answers(network: nn.Module, images: Tensor, bytes_per_image: int) -> Tensor:
    """What the network says (B, outputs) of images (B, ...), for what needs no gradient.

    On a CPU the same on any number of cores. Where the network does not take each image alone, the batch goes
    through it whole.
    """
    if not images.is_cuda and pieces.may_be_split(network):
        return pieces.in_pieces(network, images, pieces.images_at_once(network, bytes_per_image))
    at_once = _that_fit(network, images.device, len(images), bytes_per_image)
    return torch.cat([forward(network, piece) for piece in images.split(at_once)])


def make_step(
    network: nn.Module,
    loss: Loss,
    optimizer: torch.optim.Optimizer,
    batch_size: int,
    device: torch.device,
    bytes_per_image: int,
    compile: bool = False,
) -> Step:
    """The step for a device. compile: through torch.compile, on a GPU."""
    gradients: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
    if device.type != "cuda" and pieces.may_be_split(network):
        at_once = pieces.images_at_once(network, bytes_per_image)
        gradients = pieces.Spread(network, loss.target.loss, at_once)
    else:
        at_once = _that_fit(network, device, batch_size, bytes_per_image)
        gradients = _Whole(network, loss.target.loss, at_once, compile)

    def step(images: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
        optimizer.zero_grad(set_to_none=True)
        penalty = _penalty_begun(loss, device)
        value, outputs = gradients(images, truth)
        measures = torch.stack([value, penalty()])
        optimizer.step()
        return measures, outputs

    return Graphed(step) if device.type == "cuda" else step


def refuse_large_batch(network: Network, batch_size: int, device: torch.device) -> None:
    """
    Raises:
        UserError: a batch that must go through the network whole would not fit into a CPU's memory.
    """
    needed, there = 2 * network.bytes_per_image * batch_size, memory()
    if device.type == "cuda" or needed <= there:
        return
    with torch.random.fork_rng(devices=[]):
        if pieces.may_be_split(network.make()):
            return
    raise UserError(
        f"optim.batch_size={batch_size}: {network.description} takes a batch as a whole, which would need "
        f"{needed / 2**30:,.1f} GiB of memory, and this machine has {there / 2**30:,.1f}; take a smaller one"
    )


def _that_fit(network: nn.Module, device: torch.device, batch: int, bytes_per_image: int) -> int:
    """How many images to take at a time where not every core takes its own: all, if the memory allows it.

    On a GPU those that fit into half of its free memory. bytes_per_image: what the network keeps of one for
    the way back, in float32.
    """
    if device.type != "cuda" or not pieces.may_be_split(network):
        return batch
    free, _ = torch.cuda.mem_get_info(device)
    free += torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    # Beside what is kept there are the gradients on it and what cuDNN works in.
    each = 3 * bytes_per_image * (0.5 if torch.cuda.is_bf16_supported(including_emulation=False) else 1)
    return max(1, min(batch, int(0.5 * free / max(1.0, each))))


class _Whole:
    """A batch's gradients by all of the device, in one piece where memory allows."""

    def __init__(
        self,
        network: nn.Module,
        loss: Callable[[Tensor, Tensor], Tensor],
        at_once: int,
        compile: bool,
    ) -> None:
        self.network, self.loss, self.at_once = network, loss, at_once
        self.full = _compiled(network) if compile else network

    def __call__(self, images: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
        total, said = torch.zeros((), device=images.device), []
        for piece, its_truth in zip(images.split(self.at_once), truth.split(self.at_once), strict=True):
            # The rest of an epoch is smaller, and not worth a compilation of its own.
            outputs = forward(self.full if len(piece) == self.at_once else self.network, piece)
            share = len(piece) / len(truth)
            loss = self.loss(outputs, its_truth) * share
            loss.backward()
            total += loss.detach()
            said.append(outputs.detach())
        return total, torch.cat(said)


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

    def __call__(self, images: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
        size = len(truth)
        self.seen[size] += 1
        if size not in self.graphs and self.may_capture and self.seen[size] > _EAGER:
            self._capture(size, images, truth)
        if size not in self.graphs:
            return self._apart(images, truth) if self.may_capture else self.step(images, truth)
        graph, its_images, its_truth, (measures, outputs) = self.graphs[size]
        its_images.copy_(images)
        its_truth.copy_(truth)
        graph.replay()
        return measures.clone(), outputs.clone()  # the next replay writes over them

    def _apart(self, images: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
        stream = torch.cuda.Stream(images.device)
        stream.wait_stream(torch.cuda.current_stream(images.device))
        with torch.cuda.stream(stream):
            result = self.step(images, truth)
        torch.cuda.current_stream(images.device).wait_stream(stream)
        return result

    def _capture(self, size: int, images: Tensor, truth: Tensor) -> None:
        graph, its_images, its_truth = torch.cuda.CUDAGraph(), images.clone(), truth.clone()
        try:
            with torch.cuda.graph(graph):
                result = self.step(its_images, its_truth)
        except RuntimeError as error:  # a driver or a library that cannot
            self.may_capture = False
            warnings.warn(f"trains without CUDA graphs: {str(error).splitlines()[0]}", stacklevel=2)
        else:
            self.graphs[size] = graph, its_images, its_truth, result


def _compiled(network: nn.Module) -> Callable[[Tensor], Tensor]:
    """The network through torch.compile: once for each architecture, whatever else differs between trials."""
    import torch._dynamo

    for name in ("recompile_limit", "cache_size_limit"):  # newer and older torch
        if hasattr(torch._dynamo.config, name):
            setattr(torch._dynamo.config, name, 64)  # architectures; beyond, it would give up in silence
            break
    return torch.compile(network, dynamic=False)
