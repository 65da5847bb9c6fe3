"""Spatial frequency: what is fine and what is coarse."""

from __future__ import annotations

import math

from kornia.filters import gaussian_blur2d
from torch import Tensor
from torch.nn.functional import avg_pool2d

from memlab.ablations.functional.colour import luma


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
