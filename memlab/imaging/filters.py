"""Spatial-frequency filters."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from memlab.imaging.colour import luma, with_luma
from memlab.imaging.lines import LineMap, mapped
from memlab.imaging.windows import window_sums


def detail(images: Tensor) -> Tensor:
    """Return luma minus its 3 × 3 means, without the edge: (B, 3, H, W) to (B, 1, H - 2, W - 2)."""
    return fine(luma(images))


def fine(values: Tensor) -> Tensor:
    """Return values minus their 3 × 3 means, without the edge.

    Args:
        values: (B, C, H, W).

    Returns:
        (B, C, H - 2, W - 2).
    """
    return torch.sub(values[..., 1:-1, 1:-1], window_sums(values, 3), alpha=1 / 9)


def gaussian_blur(images: Tensor, sigma: float) -> Tensor:
    """Blur with a Gaussian; edge pixels are repeated outwards.

    Rows and columns are blurred by matrix products, which take less than a sixth of the time of a
    convolution with a wide kernel.

    Args:
        images: (B, C, H, W), any number of channels.
        sigma: standard deviation in % of the width, so that a dose does not depend on resolution.
    """
    height, width = images.shape[-2:]
    pixels = sigma / 100 * width
    down = LineMap.of(gaussian_matrix(height, pixels))
    across = down if width == height else LineMap.of(gaussian_matrix(width, pixels))
    return mapped(images, down, across)


def gaussian_matrix(side: int, sigma: float) -> Tensor:
    """Return the matrix (side, side) that blurs a column of pixels; edge pixels are repeated.

    Args:
        side: number of pixels.
        sigma: standard deviation of the sampled kernel in pixels, above 0.
    """
    sigma = _sampled(sigma) if sigma < 1 else sigma
    reach = max(1, math.ceil(4 * sigma))  # the truncated tails hold 6e-5
    offsets = torch.arange(-reach, reach + 1)
    kernel = torch.exp(-offsets.double().square() / (2 * sigma**2))
    sources = (torch.arange(side)[:, None] + offsets).clamp(0, side - 1)
    matrix = torch.zeros(side, side, dtype=torch.float64)
    return matrix.scatter_add_(1, sources, (kernel / kernel.sum()).expand(side, -1)).float()


def _sampled(sigma: float) -> float:
    """Return the sigma of the Gaussian whose samples at whole pixels have an SD of `sigma`.

    Sampling reduces the SD of narrow Gaussians: the samples of a Gaussian of sigma 0.32 have an SD
    of 0.12.
    """
    low, high = sigma, sigma + 0.5
    for _ in range(40):
        middle = (low + high) / 2
        shares = [2 * math.exp(-(step**2) / (2 * middle**2)) for step in range(1, 7)]
        spread = sum(step**2 * share for step, share in enumerate(shares, 1)) / (1 + sum(shares))
        low, high = (middle, high) if spread < sigma**2 else (low, middle)
    return high


def high_pass(images: Tensor, cutoff: float) -> Tensor:
    """Remove coarse luma; the mean luma stays, and chroma stays within the RGB gamut.

    The removed part is the luma blurred by the Gaussian that halves the amplitude at the cut-off.

    Args:
        images: (B, 3, H, W) in [0, 1].
        cutoff: cycles per image width.
    """
    grey = luma(images)
    sigma = 100 * math.sqrt(math.log(2) / 2) / (math.pi * cutoff)
    coarse = gaussian_blur(grey, sigma)
    left = grey - coarse + coarse.mean(dim=(2, 3), keepdim=True)
    return with_luma(left.clamp(0, 1), images - grey)
