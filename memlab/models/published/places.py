"""Positions of a network's features in the 256 × 256 image, for networks that see crops of it."""

from __future__ import annotations

import torch
from torch import Tensor

CELLS, CELL = 16, 16
"""Common grid of the image: cells per side, and pixels per side of a cell."""


def shares(positions: int, first: int, step: int, crop: tuple[int, int]) -> Tensor:
    """Return the share of each feature position, along an axis, in each cell of the common grid.

    A position covers `step` pixels around the centre of its receptive field, clipped at the border
    of the crop.

    Args:
        positions: number of positions along the axis.
        first: pixel of the crop at the centre of the first position's receptive field.
        step: pixels between neighbouring positions.
        crop: first pixel and end pixel of the crop in the image.

    Returns:
        Shares, (16, places).
    """
    centres = crop[0] + first + 0.5 + step * torch.arange(positions, dtype=torch.float64)
    low = (centres - step / 2).clamp(*crop)
    high = (centres + step / 2).clamp(*crop)
    edges = CELL * torch.arange(CELLS + 1, dtype=torch.float64)
    common = torch.minimum(edges[1:, None], high) - torch.maximum(edges[:-1, None], low)
    return common.clamp(min=0) / (high - low)
