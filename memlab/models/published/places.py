"""Where in the 256 × 256 image the places of a network are that sees crops of it."""

from __future__ import annotations

import torch
from torch import Tensor

CELLS, CELL = 16, 16
"""The common grid of the image: cells on a side, and pixels on a cell's side."""


def shares(places: int, first: int, step: int, crop: tuple[int, int]) -> Tensor:
    """Which share of each place along an axis lies in each cell of the common grid.

    A place is the cell of `step` pixels around the centre of its receptive field, cut off where the
    crop ends.

    Args:
        places: how many along the axis.
        first: the pixel of the crop that the first place's receptive field is centred on.
        step: pixels from one to the next.
        crop: the pixels of the image that the crop keeps: from, to.

    Returns:
        (16, places).
    """
    centres = crop[0] + first + 0.5 + step * torch.arange(places, dtype=torch.float64)
    low = (centres - step / 2).clamp(*crop)
    high = (centres + step / 2).clamp(*crop)
    edges = CELL * torch.arange(CELLS + 1, dtype=torch.float64)
    common = torch.minimum(edges[1:, None], high) - torch.maximum(edges[:-1, None], low)
    return common.clamp(min=0) / (high - low)
