"""A network as it is chosen: a class and its arguments, tried on shapes alone before any data is touched."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.nn.modules.conv import _ConvNd
from torch.nn.parameter import UninitializedParameter

from deepsquat.errors import UserError
from deepsquat.processes import memory
from deepsquat.trust import reason

_COPIES = 4  # of each weight while it is trained: itself, its gradient, Adam's two moments


@dataclass(frozen=True)
class Network:
    """Any `torch.nn.Module` and what is known of it; made by `tried`.

    Two methods of the class are asked for where it has them: `penalised() -> list[Parameter]`, the weights
    that the L2 term counts, and `describe() -> str`, a few words for the names of runs.
    """

    cls: Callable[..., nn.Module]
    arguments: Mapping[str, Any]
    shape: tuple[int, ...]  # of one input, such as (3, height, width)
    description: str
    parameters: int
    bytes_per_image: int  # what one input leaves behind on the way forward, for the way back, in float32
    penalised: tuple[str, ...]  # names of the weights that the L2 term counts

    def make(self) -> nn.Module:
        """A new one, its weights drawn from torch's generator."""
        return _made(self.cls, self.arguments, self.shape)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """What fails in the block fails by the network, where that is not one of this package.

        Raises:
            UserError: something failed, other than for want of a GPU's memory.
        """
        try:
            yield
        except (UserError, torch.OutOfMemoryError):
            raise
        except Exception as error:
            if self.cls.__module__.startswith("deepsquat."):
                raise
            raise UserError(f"{_key(self.cls)}: {reason(error)}") from error


def tried(
    cls: Callable[..., nn.Module], arguments: Mapping[str, Any], shape: tuple[int, ...], outputs: int
) -> Network:
    """Makes the network and sends two inputs of a shape through it, on torch's device without memory.

    A network that cannot run there is tried on the CPU. outputs: how many numbers it must give for an input.

    Raises:
        UserError: it cannot be made, cannot take the input, gives another shape, or wants more memory than
            the machine has.
    """
    key = _key(cls)
    try:
        try:
            return _tried(cls, arguments, shape, outputs, key, "meta")
        except UserError:
            raise
        except Exception:  # such as one that asks for a value, which nothing has there
            return _tried(cls, arguments, shape, outputs, key, "cpu")
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"{key}: {reason(error)}") from error


def _key(cls: Callable[..., nn.Module]) -> str:
    return f"model._target_={cls.__module__}.{cls.__qualname__}"


def _tried(
    cls: Callable[..., nn.Module],
    arguments: Mapping[str, Any],
    shape: tuple[int, ...],
    outputs: int,
    key: str,
    device: str,
) -> Network:
    with torch.random.fork_rng(devices=[]), torch.device(device):
        network = _made(cls, arguments, shape)
        count = sum(p.numel() for p in network.parameters())
        _refuse_want_of_memory(_COPIES * 4 * count, f"{key}: {count:,} parameters")
        with _run_order(network) as order, _saved_bytes(network) as saved:
            # Not black: what a network spares itself in black images would be missing in what it keeps.
            _refuse_shape(network(torch.ones(2, *shape)), 2, outputs, key)
        with torch.no_grad():
            _refuse_shape(network.eval()(torch.zeros(3, *shape)), 3, outputs, key)
    per_image = saved() // 2
    _refuse_want_of_memory(4 * per_image, f"{key}: what it keeps of four images while it trains")
    return Network(
        cls, arguments, shape, _description(network, arguments), count, per_image,
        _penalised(network, order(), key),
    )  # fmt: skip


def _made(cls: Callable[..., nn.Module], arguments: Mapping[str, Any], shape: tuple[int, ...]) -> nn.Module:
    network = cls(**arguments)
    if any(isinstance(p, UninitializedParameter) for p in network.parameters()):
        with torch.no_grad():
            network.eval()(torch.zeros(2, *shape))  # lazy layers learn their sizes
    return network.train()


def _description(network: nn.Module, arguments: Mapping[str, Any]) -> str:
    describe: Callable[[], str] | None = getattr(network, "describe", None)
    if describe is not None:
        return str(describe())
    given = (f"{key}={value}" for key, value in arguments.items() if key not in ("height", "width"))
    return " ".join([type(network).__name__, *given])[:120]


@contextmanager
def _run_order(network: nn.Module) -> Iterator[Callable[[], list[str]]]:
    """The names of the convolutions and dense layers in the order in which they ran last."""
    order: dict[str, None] = {}

    def ran(name: str) -> None:
        order.pop(name, None)
        order[name] = None

    hooks = [
        layer.register_forward_hook(lambda *_, name=name: ran(name))
        for name, layer in network.named_modules()
        if isinstance(layer, _ConvNd | nn.Linear)
    ]
    try:
        yield lambda: list(order)
    finally:
        for hook in hooks:
            hook.remove()


@contextmanager
def _saved_bytes(network: nn.Module) -> Iterator[Callable[[], int]]:
    """Bytes that the block's forward keeps for the way back, weights apart."""
    known = {id(p) for p in network.parameters()}
    kept: dict[int, tuple[Tensor, int]] = {}  # the tensor is held, so that its id stays its own

    def keep(tensor: Tensor) -> Tensor:
        base = tensor if tensor._base is None else tensor._base
        if id(base) not in known:
            kept[id(base)] = base, base.numel() * base.element_size()
        return tensor

    with saved_tensors_hooks(keep, lambda tensor: tensor):
        yield lambda: sum(size for _, size in kept.values())


def _penalised(network: nn.Module, order: list[str], key: str) -> tuple[str, ...]:
    """Names of the weights of the L2 term: every convolution's and dense layer's but the last one's."""
    own = {id(p): name for name, p in network.named_parameters()}
    said: Callable[[], list[Tensor]] | None = getattr(network, "penalised", None)
    weights = (
        list(said()) if said is not None else [network.get_submodule(name).weight for name in order[:-1]]
    )
    strange = sum(id(weight) not in own for weight in weights)
    if strange:
        raise UserError(
            f"{key}: {strange} of the weights that L2 would fall on are none of its parameters, as where "
            "weight_norm computes them; give it a method penalised() that returns the parameters to count"
        )
    return tuple(dict.fromkeys(own[id(weight)] for weight in weights))


def _refuse_shape(given: Any, batch: int, outputs: int, key: str) -> None:
    if not isinstance(given, Tensor):
        raise UserError(
            f"{key}: it gives a {type(given).__name__}, but must give one tensor ({batch}, {outputs})"
        )
    if tuple(given.shape) != (batch, outputs):
        raise UserError(
            f"{key}: for {batch} images it gives the shape {tuple(given.shape)}, but must give "
            f"({batch}, {outputs}): {outputs} numbers for each"
        )
    if not given.is_floating_point() or not (given.requires_grad or not torch.is_grad_enabled()):
        raise UserError(f"{key}: what it gives has no gradient; nothing in it could be trained")


def _refuse_want_of_memory(needed: int, what: str) -> None:
    there = memory()
    if needed > there:
        size = f"would take {needed / 2**30:,.1f} GiB of memory, and this machine has {there / 2**30:,.1f}"
        raise UserError(f"{what} {size}; take a smaller network")
