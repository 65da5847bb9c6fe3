"""Conversion of images between bytes and the floats that models take; no other module converts."""

from __future__ import annotations

import torch
from torch import Tensor


def to_unit(pixels: Tensor) -> Tensor:
    """Convert uint8 to float in [0, 1]."""
    return pixels.float().div_(255)  # in place: half the memory, several times as fast on CPUs


def to_bytes(images: Tensor) -> Tensor:
    """Convert float in [0, 1] to uint8, rounded."""
    return (images * 255).round().to(torch.uint8)
