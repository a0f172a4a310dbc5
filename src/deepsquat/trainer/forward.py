"""A network on a batch, in the numbers that suit the device."""

from collections.abc import Callable

import torch
from torch import Tensor


def forward(network: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """images (B, ...), uint8 or float 0-255 -> what the network gives, float32; through bf16 on a GPU."""
    bf16 = images.is_cuda and torch.cuda.is_bf16_supported(including_emulation=False)
    # Without the cache: what it keeps of the weights would be stale in a CUDA graph.
    with torch.autocast(images.device.type, torch.bfloat16, enabled=bf16, cache_enabled=False):
        return network(images.to(torch.bfloat16 if bf16 else torch.float32)).float()  # 0-255: exact in both
