"""Smooth filling of unknown pixels from known ones, from coarse to fine: push-pull."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate


def spread(images: Tensor, known: Tensor) -> Tensor:
    """Fill unknown pixels smoothly from known pixels, by a pyramid (Gortler et al. 1996).

    On each coarser level a pixel counts fully if any of its pixels is known.

    Args:
        images: (B, C, H, W).
        known: (B, 1, H, W) of 0 and 1.

    Returns:
        (B, C, H, W): known pixels unchanged; all 0 if no pixel is known.
    """

    def pushed(values: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
        size = [(side + 1) // 2 for side in values.shape[-2:]]
        share = interpolate(weight, size=size, mode="area")
        mean = interpolate(values, size=size, mode="area") / share.clamp(min=1e-6)
        return mean, (share > 0).to(weight)

    def pulled(coarse: Tensor, like: Tensor) -> Tensor:
        size = like.shape[-2:]
        return interpolate(coarse, size=size, mode="bilinear", align_corners=False)

    return push_pull(images * known, known, pushed, pulled)


def spread_by_halves(known: Tensor, weight: Tensor) -> Tensor:
    """Fill unknown pixels from known ones, on the grids of a multigrid solver.

    Each level halves the previous level, and its pixels count by the share that is known.

    Args:
        known: (B, C, H, W), 0 where unknown.
        weight: (B, 1, H, W), share of each pixel that is known.

    Returns:
        (B, C, H, W).
    """
    return push_pull(known, weight, lambda *level: (halved(level[0]), halved(level[1])), doubled)


def push_pull(
    known: Tensor,
    weight: Tensor,
    pushed: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]],
    pulled: Callable[[Tensor, Tensor], Tensor],
) -> Tensor:
    """Fill unknown pixels with the result of the next coarser level.

    Args:
        known: (B, C, H, W) times the weight.
        weight: (B, 1, H, W), share of each pixel that is known.
        pushed: function from both to those of the next coarser level.
        pulled: function from coarse values to values of the size of its second argument.

    Returns:
        (B, C, H, W); all 0 if no pixel is known.
    """
    mean = known / weight.clamp(min=1e-6)
    if max(known.shape[-2:]) <= 1 or bool((weight > 0).all()):
        return mean
    coarse = push_pull(*pushed(known, weight), pushed, pulled)
    return torch.where(weight > 0, mean, pulled(coarse, known))


def halved(values: Tensor) -> Tensor:
    """Return means of 2 × 2 pixels; at an odd edge, of the existing pixels."""
    return avg_pool2d(values, 2, ceil_mode=True, count_include_pad=False)


def doubled(values: Tensor, like: Tensor) -> Tensor:
    """Return values at twice the resolution, cropped to the size of `like`."""
    twice = interpolate(values, scale_factor=2, mode="bilinear", align_corners=False)
    return twice[..., : like.shape[-2], : like.shape[-1]]
