"""Maps that know nothing of the model: what a method must beat."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from memlab.imaging.colour import luma

WIDTH = 0.25
"""SD of the centre prior, share of the side."""


def centre_maps(maps: Tensor) -> Tensor:
    """Return maps of a Gaussian around the middle, of the shape of `maps` (B, 1, h, w)."""
    down, across = (torch.linspace(-0.5, 0.5, side).to(maps) for side in maps.shape[-2:])
    square = down[:, None].square() + across.square()
    return (-square / (2 * WIDTH**2)).exp().expand_as(maps)


def shuffled_maps(maps: Tensor, generators: Sequence[torch.Generator]) -> Tensor:
    """Return maps with the same values in random cells.

    Args:
        maps: (B, 1, h, w).
        generators: one per map, on the CPU.
    """
    count = maps[0].numel()
    orders = torch.stack([torch.randperm(count, generator=one) for one in generators])
    return maps.flatten(1).gather(1, orders.to(maps.device)).view_as(maps)


def edge_maps(images: Tensor, maps: Tensor) -> Tensor:
    """Return the strength of edges of luma, on the grid of `maps` (B, 1, h, w).

    Args:
        images: (B, 3, H, W) in [0, 1].
        maps: maps of the same images.
    """
    grey = luma(images)
    down = (grey[..., 1:, :-1] - grey[..., :-1, :-1]).square()
    across = (grey[..., :-1, 1:] - grey[..., :-1, :-1]).square()
    return interpolate((down + across).sqrt(), size=maps.shape[-2:], mode="area")
