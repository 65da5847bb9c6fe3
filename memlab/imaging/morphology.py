"""Shapes of regions: random shapes, and soft masks that extend beyond the region."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import interpolate, pad

from memlab.imaging.windows import window_sums

CELLS = 6
"""Random heights along the longer side of the landscape that defines a random shape."""


def blobs(
    areas: Tensor,
    size: tuple[int, int],
    generators: Sequence[torch.Generator],
    free: Tensor | None = None,
) -> Tensor:
    """Return random smooth shapes of exact areas: the highest part of a random landscape.

    For the same generator state a larger shape contains the smaller shapes, and the form is the
    same at any resolution.

    Args:
        areas: (B,) shares of the image's area, 0 to 1.
        size: height and width in pixels.
        generators: one per image, on the CPU.
        free: (B, 1, H, W) bool, where a shape may lie, at least as large as the shape; by default
            anywhere.

    Returns:
        (B, 1, H, W) float of 0 and 1, on the device of `areas`. Each shape has its area rounded to
        whole pixels, in one or several pieces.
    """
    height, width = size
    longer = max(size)
    noise = torch.stack([torch.randn(1, CELLS, CELLS, generator=one) for one in generators])
    square = interpolate(noise, size=(longer, longer), mode="bicubic", align_corners=True)
    landscape = square[..., :height, :width].flatten(1).to(areas.device)
    if free is not None:
        landscape = landscape.masked_fill(~free.flatten(1).to(areas.device), -torch.inf)
    order = landscape.argsort(dim=1, descending=True, stable=True)
    counts = (areas * height * width).round()
    first = torch.arange(height * width, device=areas.device) < counts[:, None]
    chosen = torch.zeros_like(landscape).scatter_(1, order, first.to(landscape))
    return chosen.view(-1, 1, height, width)


def dilated(mask: Tensor, pixels: int) -> Tensor:
    """Return a mask (B, 1, H, W) of 0 and 1 grown by `pixels` in all directions, diagonals too."""
    size = 2 * pixels + 1
    for dim, beyond in ((2, (0, 0, pixels, pixels)), (3, (pixels, pixels))):
        mask, window = pad(mask, beyond), 1
        while window < size:  # maxima over windows that double in length
            step = min(window, size - window)
            length = mask.shape[dim] - step
            mask = torch.maximum(mask.narrow(dim, 0, length), mask.narrow(dim, step, length))
            window += step
    return mask


def feathered(mask: Tensor, pixels: int, blur: int | None = None) -> Tensor:
    """Return weights that are 1 on a mask and fall to 0 within `pixels` of it.

    The mask is grown and then blurred by a box filter, by default over half of the distance.

    Args:
        mask: (B, 1, H, W) float of 0 and 1.
        pixels: distance from the mask within which weights are above 0.
        blur: radius of the box filter in pixels, at most half of `pixels`; 0 for hard edges.

    Returns:
        (B, 1, H, W) in [0, 1]; exactly 1 on the mask, exactly 0 beyond `pixels`.
    """
    blur = pixels // 2 if blur is None else blur
    weights = dilated(mask, pixels - blur)
    # normalised by the window area inside the frame
    sums, areas = (
        window_sums(pad(one, (blur,) * 4), 2 * blur + 1)
        for one in (weights, torch.ones_like(weights[:1]))
    )
    return sums / areas


def surround(hole: Tensor, pixels: int) -> Tensor:
    """Return the pixels within `pixels` of a hole, (B, 1, H, W) float of 0 and 1, without it."""
    return dilated(hole, pixels) - hole


def pixels_of(share: float, width: int) -> int:
    """Convert a length in % of the width to whole pixels."""
    return round(share / 100 * width)
