"""Images as bytes, and as what models see: the only place that converts between them."""

from __future__ import annotations

import torch
from torch import Tensor


def to_unit(pixels: Tensor) -> Tensor:
    """uint8 to float in [0, 1]."""
    return pixels.float().div_(255)  # in place: half the memory, several times as fast on CPUs


def to_bytes(images: Tensor) -> Tensor:
    """Float in [0, 1] to uint8, rounded."""
    return (images * 255).round().to(torch.uint8)
