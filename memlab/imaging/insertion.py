"""Functions that paste a part of one image into another."""

from __future__ import annotations

import torch
from torch import Tensor

from memlab.imaging.boxes import bounds
from memlab.imaging.crops import gathered


def moved(images: Tensor, weights: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
    """Shift images and weights so that the weighted part lies at a given position.

    Args:
        images: (B, C, H, W).
        weights: (B, 1, H, W); the bounding box of positive weights is moved.
        places: (B, 2) position of the box, down and across, 0 to 1 of the available range.

    Returns:
        Images and weights, shifted cyclically.
    """
    axes = []
    firsts, lasts = bounds(weights)
    for axis, length in enumerate(weights.shape[-2:]):
        first, last = firsts[:, axis], lasts[:, axis]
        steps = torch.arange(length, device=weights.device)
        way = (length - 1 - last + first).clamp(min=0)
        top = (places[:, axis].to(weights.device) * way).round().long()
        axes.append((steps + (first - top)[:, None]) % length)
    return gathered(images, *axes), gathered(weights, *axes)


def patch(images: Tensor, weights: Tensor) -> Tensor:
    """Return the mean colour under weights (B, 1, H, W), as images: (B, 3, H, W)."""
    under = (images * weights).sum(dim=(2, 3), keepdim=True)
    mean = under / weights.sum(dim=(2, 3), keepdim=True).clamp(min=1e-6)
    return mean.expand_as(images)
