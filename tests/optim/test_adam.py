"""Adam against steps worked out by hand from Keras's formula."""

import io

import pytest
import torch
from torch import nn

from deepsquat.errors import UserError
from deepsquat.optim.adam import Adam, AdamOptions, adam_for


def penalised(network: nn.Module) -> list[torch.Tensor]:
    return [layer.weight for layer in list(network)[:-1] if isinstance(layer, nn.Conv2d | nn.Linear)]


def test_epsilon_is_added_before_the_bias_correction() -> None:
    """Gradients as small as epsilon, where it matters: torch's own Adam would take 0.5 lr at first.

    t = 1, g =  1e-7: m = 0.1 g                =  1e-8,   v = 0.001 g^2         = 1e-17,
        sqrt(0.001)    / 0.1  = 0.3162278;  1e-8   / (3.162278e-9 + 1e-7) =  0.0969347;  product  0.0306534
    t = 2, g = -2e-7: m = 0.9e-8 - 0.1 * 2e-7  = -1.1e-8, v = 0.999e-17 + 4e-17 = 4.999e-17,
        sqrt(0.001999) / 0.19 = 0.2353169; -1.1e-8 / (7.070361e-9 + 1e-7) = -0.1027362;  product -0.0241756
    """
    weight = nn.Parameter(torch.tensor([1.0]))
    adam = Adam([{"params": [weight]}], lr=0.5)
    weight.grad = torch.tensor([1e-7])
    adam.step()
    assert weight.item() == pytest.approx(1 - 0.5 * 0.0306534, abs=1e-6)
    weight.grad = torch.tensor([-2e-7])
    adam.step()
    assert weight.item() == pytest.approx(1 - 0.5 * 0.0306534 + 0.5 * 0.0241756, abs=1e-6)


def test_l2_goes_into_the_moments() -> None:
    """w = 2, l2 = 0.25: its gradient is 2 * 0.25 * 2 = 1, so that m = 0.1 and v = 0.001, whatever lr is.

    The step is lr * 0.3162278 * 0.1 / (0.0316228 + 1e-7) = 0.9999968 lr. The last layer is not counted.
    """
    network = nn.Sequential(nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False))
    adam = adam_for(network, AdamOptions(lr=0.125, l2=0.25), penalised(network))
    for weight in network.parameters():
        nn.init.constant_(weight, 2.0)
        weight.grad = torch.zeros_like(weight)
    adam.step()
    assert [weight.item() for weight in network.parameters()] == [pytest.approx(2 - 0.125 * 0.9999968), 2.0]


def _network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten(), nn.Linear(8 * 36, 40), nn.Linear(40, 2)).to(
        memory_format=torch.channels_last
    )


def _steps(network: nn.Module, adam: Adam, numbers: range) -> None:
    for i in numbers:
        generator = torch.Generator().manual_seed(i)
        for weight in network.parameters():
            weight.grad = (
                torch.randn(weight.shape, generator=generator)
                .mul_(1e-6)
                .as_strided_(weight.shape, weight.stride())
            )
        adam.step()


def test_goes_on_from_a_checkpoint_with_the_same_bits() -> None:
    whole, begun, resumed = _network(), _network(), _network()
    options = AdamOptions(lr=1e-2, l2=1e-3)
    _steps(whole, adam_for(whole, options, penalised(whole)), range(7))
    adam = adam_for(begun, options, penalised(begun))
    _steps(begun, adam, range(4))
    file = io.BytesIO()
    torch.save([begun.state_dict(), adam.state_dict()], file)
    file.seek(0)
    weights, state = torch.load(file, weights_only=True)
    resumed.load_state_dict(weights)
    adam = adam_for(resumed, options, penalised(resumed))
    adam.load_state_dict(state)
    _steps(resumed, adam, range(4, 7))
    for a, b, before in zip(whole.parameters(), resumed.parameters(), begun.parameters(), strict=True):
        assert torch.equal(a, b) and not torch.equal(a, before)


def test_goes_on_from_a_checkpoint_of_torchs_adam() -> None:
    """As earlier versions wrote it."""
    network = _network()
    before = torch.optim.Adam(network.parameters(), lr=1e-2, weight_decay=1e-3, fused=True)
    network(torch.rand(2, 3, 8, 8)).sum().backward()
    before.step()
    adam = Adam([{"params": list(network.parameters())}], lr=1.0)
    adam.load_state_dict(before.state_dict())
    _steps(network, adam, range(1))
    assert {float(state["step"]) for state in adam.state.values()} == {2.0}
    assert adam.param_groups[0]["lr"] == 1e-2 and adam.param_groups[0]["weight_decay"] == 1e-3


def test_leaves_alone_what_is_frozen_or_has_no_gradient() -> None:
    network = _network()
    frozen, unused = network[0].weight.requires_grad_(False), network[3].bias
    before = [frozen.clone(), unused.detach().clone()]
    adam = adam_for(network, AdamOptions(lr=0.1, l2=0.1), penalised(network))
    network(torch.rand(2, 3, 8, 8)).sum().backward()
    unused.grad = None
    adam.step()
    assert torch.equal(frozen, before[0]) and torch.equal(unused, before[1])
    with pytest.raises(UserError, match="no parameter that can be trained"):
        adam_for(network.requires_grad_(False), AdamOptions(), [])


def test_the_rate_falls_with_the_cosine_or_stays() -> None:
    falling = AdamOptions(lr=0.2, decay="cosine")
    assert [falling.rate(epoch, 4) for epoch in range(4)] == pytest.approx([0.2, 0.1707107, 0.1, 0.0292893])
    assert {AdamOptions(lr=0.2).rate(epoch, 4) for epoch in range(4)} == {0.2}
    with pytest.raises(UserError, match=r"optim\.decay must be none or cosine"):
        AdamOptions(decay="linear")


def test_a_step_is_as_large_as_the_rate_that_was_set_last() -> None:
    """With gradients of 1 a step is the rate itself, but for the epsilon. The tensor of it stays the same."""
    weight = nn.Parameter(torch.tensor([1.0]))
    adam = Adam([{"params": []}, {"params": [weight]}], lr=0.5)
    adam.set_rate(0.25)
    kept = adam.param_groups[1]["lr"]
    weight.grad = torch.tensor([1.0])
    adam.step()
    assert weight.item() == pytest.approx(0.75, abs=1e-5)
    adam.set_rate(0.125)
    adam.step()
    assert weight.item() == pytest.approx(0.625, abs=1e-5) and adam.param_groups[1]["lr"] is kept
