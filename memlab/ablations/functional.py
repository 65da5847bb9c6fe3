"""The maths of the ablations: pure functions on pictures (B, 3, H, W), RGB in [0, 1]."""

from __future__ import annotations

import math

import torch
from kornia.filters import gaussian_blur2d
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

LUMA = (0.299, 0.587, 0.114)
"""Weights of R, G and B in luma (ITU-R BT.601), those of Pillow's mode `L`."""


def luma(images: Tensor) -> Tensor:
    """Luma of gamma-coded RGB pictures: (B, 3, H, W) in [0, 1] to (B, 1, H, W) in [0, 1]."""
    weights = images.new_tensor(LUMA).view(1, 3, 1, 1)
    return (images * weights).sum(dim=1, keepdim=True)


def chroma(images: Tensor) -> Tensor:
    """Distance of R, G and B from luma: (B, 3, H, W) in [0, 1] to (B, 1, H, W)."""
    return (images - luma(images)).square().sum(dim=1, keepdim=True).sqrt()


def detail(images: Tensor) -> Tensor:
    """Luma less its 3 × 3 means, without the edge: (B, 3, H, W) to (B, 1, H - 2, W - 2)."""
    grey = luma(images)
    return grey[..., 1:-1, 1:-1] - avg_pool2d(grey, 3, stride=1)


def gaussian_blur(images: Tensor, sigma: float) -> Tensor:
    """Gaussian blur, the edge pixels repeated outwards.

    Args:
        images: (B, 3, H, W) in [0, 1].
        sigma: standard deviation in % of the width, so that a dose does not depend on resolution.
    """
    pixels = sigma / 100 * images.shape[-1]
    size = 2 * max(1, math.ceil(4 * pixels)) + 1  # four sigma: the cut tails hold 6e-5
    return gaussian_blur2d(images, (size, size), (pixels, pixels), border_type="replicate")


def desaturate(images: Tensor, amount: float) -> Tensor:
    """Move every pixel towards its luma.

    Args:
        images: (B, 3, H, W) in [0, 1].
        amount: share of the way, 0 to 1; at 1 the picture equals Pillow's mode `L`.
    """
    return torch.lerp(images, luma(images).expand_as(images), amount)


def center_crop(images: Tensor, removed: float) -> Tensor:
    """Keep the middle and zoom it back to the size that the picture had.

    Args:
        images: (B, 3, H, W) in [0, 1].
        removed: % of the width, and of the height, cut away: half of it at either side, rounded
            to whole pixels.
    """
    height, width = images.shape[-2:]
    top, left = round(height * removed / 200), round(width * removed / 200)
    middle = images[..., top : height - top, left : width - left]
    return interpolate(
        middle, size=(height, width), mode="bilinear", align_corners=False, antialias=True
    )
