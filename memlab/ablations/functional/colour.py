"""Luma, chroma, and what changes colour."""

from __future__ import annotations

import torch
from torch import Tensor

LUMA = (0.299, 0.587, 0.114)
"""Weights of R, G and B in luma (ITU-R BT.601), those of Pillow's mode `L`."""


def luma(images: Tensor) -> Tensor:
    """Luma of gamma-coded RGB pictures: (B, 3, H, W) in [0, 1] to (B, 1, H, W) in [0, 1]."""
    weights = images.new_tensor(LUMA).view(1, 3, 1, 1)
    return (images * weights).sum(dim=1, keepdim=True)


def chroma(images: Tensor) -> Tensor:
    """Distance of R, G and B from luma: (B, 3, H, W) in [0, 1] to (B, 1, H, W)."""
    return (images - luma(images)).square().sum(dim=1, keepdim=True).sqrt()


def desaturate(images: Tensor, amount: float) -> Tensor:
    """Move every pixel towards its luma.

    Args:
        images: (B, 3, H, W) in [0, 1].
        amount: share of the way, 0 to 1; at 1 the picture equals Pillow's mode `L`.
    """
    return torch.lerp(images, luma(images).expand_as(images), amount)
