"""Shapes of regions: random blobs, and soft masks that reach beyond what they cover."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate, max_pool2d

CELLS = 6
"""Random heights along the longer side, between which a blob's landscape is smooth."""


def blobs(areas: Tensor, size: tuple[int, int], generators: Sequence[torch.Generator]) -> Tensor:
    """Random smooth shapes of exact areas: what is highest in a random landscape.

    For the same state of its generator a larger shape contains the smaller ones, and has the same
    form at any resolution.

    Args:
        areas: (B,) shares of the picture's area, 0 to 1.
        size: height and width in pixels.
        generators: one per picture, on the CPU.

    Returns:
        (B, 1, H, W) float of 0 and 1, on the device of `areas`; each has its area rounded to whole
        pixels, in one piece or several.
    """
    height, width = size
    longer = max(size)
    noise = torch.stack([torch.randn(1, CELLS, CELLS, generator=one) for one in generators])
    square = interpolate(noise, size=(longer, longer), mode="bicubic", align_corners=True)
    landscape = square[..., :height, :width].flatten(1).to(areas.device)
    order = landscape.argsort(dim=1, descending=True, stable=True)
    counts = (areas * height * width).round()
    first = torch.arange(height * width, device=areas.device) < counts[:, None]
    chosen = torch.zeros_like(landscape).scatter_(1, order, first.to(landscape))
    return chosen.view(-1, 1, height, width)


def dilated(mask: Tensor, pixels: int) -> Tensor:
    """A mask (B, 1, H, W) of 0 and 1 grown by some pixels in all directions, corners too."""
    if pixels == 0:
        return mask
    size = 2 * pixels + 1
    down = max_pool2d(mask, (size, 1), stride=1, padding=(pixels, 0))
    return max_pool2d(down, (1, size), stride=1, padding=(0, pixels))


def feathered(mask: Tensor, pixels: int) -> Tensor:
    """Weights that are 1 on a mask and fall to 0 within some pixels of it.

    The mask is grown by half of the way and blurred, by a box, over the other half.

    Args:
        mask: (B, 1, H, W) float of 0 and 1.
        pixels: how far from the mask the last weight above 0 may lie.

    Returns:
        (B, 1, H, W) in [0, 1]; exactly 1 on the mask, exactly 0 beyond `pixels`.
    """
    blur = pixels // 2
    weights = dilated(mask, pixels - blur)
    if blur == 0:
        return weights
    size = 2 * blur + 1
    for kernel, padding in (((size, 1), (blur, 0)), ((1, size), (0, blur))):
        # edge pixels count for what lies beyond the frame
        weights = avg_pool2d(weights, kernel, 1, padding, count_include_pad=False)
    return weights.clamp(0, 1)


def surround(hole: Tensor, reach: float = 10.0) -> Tensor:
    """What lies around a hole.

    Args:
        hole: (B, 1, H, W) float of 0 and 1.
        reach: how far around, in % of the width.

    Returns:
        (B, 1, H, W) float of 0 and 1; at least a pixel wide.
    """
    return dilated(hole, pixels_of(reach, hole.shape[-1]) or 1) - hole


def pixels_of(share: float, width: int) -> int:
    """A length in % of the width as whole pixels."""
    return round(share / 100 * width)
