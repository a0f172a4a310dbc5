"""A batch in pieces over the cores of a CPU, with the same bits however many there are."""

import math
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache

import torch
from torch import Tensor, nn

from deepsquat.model.dropout import dropout_from
from deepsquat.trainer.forward import forward

# What an image gives in these depends on that image alone, and nothing changes but their gradients.
_EACH_IMAGE_ALONE = {
    *(nn.Sequential, nn.ModuleList, nn.ModuleDict, nn.Identity, nn.Flatten, nn.Unflatten),
    *(nn.Conv2d, nn.ConvTranspose2d, nn.Linear, nn.GroupNorm),
    *(nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.ELU, nn.SELU, nn.SiLU, nn.GELU, nn.Sigmoid, nn.Tanh, nn.Softplus),
    *(nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveMaxPool2d, nn.AdaptiveAvgPool2d),
    *(nn.ZeroPad2d, nn.ReflectionPad2d, nn.ReplicationPad2d, nn.Upsample, nn.PixelShuffle),
}


def may_be_split(network: nn.Module) -> bool:
    """Whether a batch may go through the network in pieces, and these at the same time.

    So it is where all its modules are known to take each image alone and to keep nothing; a class of its own
    may say `each_image_alone = True` of what its `forward` itself does. BatchNorm takes the whole batch,
    unless it is frozen, and so does torch's own dropout: it has one generator for all threads.
    """

    def is_known(module: nn.Module) -> bool:
        if any((module._forward_pre_hooks, module._forward_hooks, module._backward_hooks)):
            return False
        if type(module) is nn.BatchNorm2d:
            learns = module.training or any(p.requires_grad for p in module.parameters())
            return not learns and module.running_mean is not None
        says_so = vars(type(module)).get("each_image_alone", False)  # not by a subclass's parent
        return (type(module) in _EACH_IMAGE_ALONE or says_so) and not any(True for _ in module.buffers(False))

    return all(is_known(module) for module in network.modules())


def images_at_once(network: nn.Module, bytes_per_image: int) -> int:
    """How many images a core of a CPU takes forward and backward at a time, at the most.

    Few: what a layer leaves behind then lies in the cache when the next one, and the way back, needs it. But
    every piece adds to the gradients of all weights once more, so that large networks take larger pieces, and
    so do those that leave little behind: bytes_per_image. It must not depend on the machine: sums are taken
    piece by piece.
    """
    weights = sum(weight.numel() for weight in network.parameters())
    return max(4, round(4 * (weights / 2.5e6) ** 0.5), 2**20 // max(1, bytes_per_image))


def cut(x: Tensor, at_once: int) -> Sequence[Tensor]:
    """x (B, ...) in pieces of nearly one size; an even number of them, as most cores are."""
    return x.tensor_split(min(len(x), 2 * math.ceil(len(x) / (2 * at_once))))


@lru_cache(maxsize=1)
def _cores(workers: int) -> ThreadPoolExecutor:
    """A thread for each core, in which torch keeps to it."""
    return ThreadPoolExecutor(workers, "core", initializer=torch.set_num_threads, initargs=(1,))


def on_one_core(work: Callable[[], Tensor]) -> "Future[Tensor]":
    """Begins work that one core does alone: sums then have the same order on every machine."""
    return _cores(torch.get_num_threads()).submit(work)


def in_pieces(network: nn.Module, images: Tensor, at_once: int) -> Tensor:
    """The network's answers to (B, ...) images, without gradients, by all cores; one core a piece."""

    def answer(piece: Tensor) -> Tensor:
        with torch.inference_mode():
            return forward(network, piece)

    pool = _cores(torch.get_num_threads())
    return torch.cat(list(pool.map(answer, cut(images, at_once))))


class Spread:
    """A batch's gradients on a CPU: each core takes pieces of it from the images to the gradients.

    Cores that share every single operation wait for each other some hundred times a piece; where another
    program wants one of them, each time for as long as that one runs. Here each goes on by itself.

    A piece's size, its dropout and its place in the sums do not depend on which core takes it, nor on their
    number. So the same bits come out on one core as on many of the same kind.
    """

    def __init__(self, network: nn.Module, loss: Callable[[Tensor, Tensor], Tensor], at_once: int) -> None:
        """loss: of what the network says (B, outputs) and the truth (B, ...), a mean over images."""
        self.network, self.loss, self.at_once = network, loss, at_once

    def __call__(self, images: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
        """Adds the batch's gradients to the weights'; its loss, and what the network said."""
        pieces = list(zip(cut(images, self.at_once), cut(truth, self.at_once), strict=True))
        seeds = torch.randint(2**62, (len(pieces),)).tolist()
        weights = [weight for weight in self.network.parameters() if weight.requires_grad]
        workers = min(torch.get_num_threads(), len(pieces))
        sums = _InOrder(weights, len(pieces), ahead=2 * workers)

        def work() -> None:
            try:
                while (k := sums.next_piece()) is not None:
                    generator = torch.Generator().manual_seed(seeds[k])
                    with dropout_from(generator):
                        sums_of_piece = self._of_piece(weights, *pieces[k], len(truth))
                    sums.add(k, *sums_of_piece)
            except BaseException:
                sums.stop()
                raise

        jobs = [_cores(torch.get_num_threads()).submit(work) for _ in range(workers)]
        try:
            for job in jobs:
                job.result()
        except BaseException:  # Ctrl-C reaches this thread alone
            sums.stop()
            raise
        return sums.loss, torch.cat(sums.said)

    def _of_piece(
        self, weights: Sequence[Tensor], images: Tensor, truth: Tensor, batch: int
    ) -> tuple[Tensor, Tensor, Sequence[Tensor | None]]:
        outputs = forward(self.network, images)
        loss = self.loss(outputs, truth) * (len(truth) / batch)
        gradients = torch.autograd.grad(loss, weights, allow_unused=True)
        return loss.detach(), outputs.detach(), gradients


class _InOrder:
    """What pieces give, added up in their order, by whichever core brings the next one."""

    def __init__(self, weights: Sequence[Tensor], pieces: int, ahead: int) -> None:
        """ahead: how many pieces may wait for one before them; they hold memory."""
        self.weights, self.pieces, self.ahead = weights, pieces, ahead
        self.loss = torch.zeros(())
        self.said: list[Tensor] = []
        self._taken, self._added = 0, 0
        self._waiting: dict[int, tuple[Tensor, Tensor, Sequence[Tensor | None]]] = {}
        self._turn = threading.Condition()
        self._is_stopped = False

    def next_piece(self) -> int | None:
        """The number of a piece that nobody has taken; None where there is none."""
        with self._turn:
            self._turn.wait_for(lambda: self._is_stopped or self._taken < self._added + self.ahead)
            if self._is_stopped or self._taken == self.pieces:
                return None
            self._taken += 1
            return self._taken - 1

    def add(self, piece: int, loss: Tensor, said: Tensor, gradients: Sequence[Tensor | None]) -> None:
        with self._turn:
            self._waiting[piece] = loss, said, gradients
            while self._added in self._waiting:
                loss, said, gradients = self._waiting.pop(self._added)
                self.loss += loss
                self.said.append(said)
                for weight, gradient in zip(self.weights, gradients, strict=True):
                    if gradient is not None:
                        _add_gradient(weight, gradient)
                self._added += 1
            self._turn.notify_all()

    def stop(self) -> None:
        with self._turn:
            self._is_stopped = True
            self._turn.notify_all()


def _add_gradient(weight: Tensor, gradient: Tensor) -> None:
    if weight.grad is not None:
        weight.grad += gradient
    else:  # of its own, since weights that a network adds up are given one tensor
        weight.grad = torch.empty_like(weight).copy_(gradient)
