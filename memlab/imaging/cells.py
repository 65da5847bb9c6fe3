"""Grid cells of the blind scan: their positions and their fill."""

from __future__ import annotations

import torch
from torch import Tensor

SIDE = 8
"""Cells per row and per column."""
CELL = 16.0
"""Side of a cell in % of the width. Neighbouring cells overlap by 4 %, so that a mark of up to 4 %
lies inside at least one cell, and a mark of up to 16 % by at least half of its width and height."""
STEP = (100.0 - CELL) / (SIDE - 1)
"""Distance between the starts of neighbouring cells in % of the width: 12, so that the grid covers
the image."""
SOFT = 2.0
"""Width of a cell's soft inner edge, in % of the width."""


def ends(place: int) -> tuple[float, float]:
    """Return the start and end of a row or column of the grid, in % of the width."""
    return place * STEP, place * STEP + CELL


def cell_weights(row: int, column: int, height: int, width: int) -> Tensor:
    """Return the weight of a cell at each pixel: (1, 1, H, W), 1 inside, 0 outside, soft between.

    The edge of the cell is hard where it coincides with the edge of the image.

    Args:
        row: 0 to 7 from the top.
        column: 0 to 7 from the left.
        height: height of the image, pixels.
        width: width of the image, pixels.
    """
    down, across = _along(row, height), _along(column, width)
    return (down[:, None] * across[None, :]).float()[None, None]


def cell_free(row: int, column: int, labelled: Tensor) -> Tensor:
    """Return the share of a cell that is not labelled: (B,) on the CPU.

    Args:
        row: 0 to 7 from the top.
        column: 0 to 7 from the left.
        labelled: (B, 1, H, W), above 0 at labelled pixels.
    """
    weights = cell_weights(row, column, *labelled.shape[-2:]).to(labelled.device)
    taken = ((labelled > 0) * weights).sum(dim=(1, 2, 3)) / weights.sum()
    return (1 - taken).cpu()


def fill_cell(images: Tensor, row: int, column: int) -> Tensor:
    """Fill a cell smoothly from its surroundings, with a hard edge.

    Each pixel becomes the mean of the pixels outside the cell, weighted by a Gaussian of the
    distance with half of the cell's side as standard deviation (Shepard's interpolation with
    Gaussian weights). The fill is flat where the surroundings are flat, and a ramp between two
    values.

    Args:
        images: (B, 3, H, W) in [0, 1].
        row: 0 to 7 from the top.
        column: 0 to 7 from the left.
    """
    height, width = images.shape[-2:]
    down, across = (_along(row, height) > 0), (_along(column, width) > 0)
    outside = (~(down[:, None] & across[None, :])).to(images)
    from_above = _gaussian(down, height).to(images)
    from_left = _gaussian(across, width).to(images).T
    weighted = from_above @ (images * outside) @ from_left
    filled = images.clone()
    box = (slice(None), slice(None), *(_span(covered) for covered in (down, across)))
    filled[box] = weighted / (from_above @ outside @ from_left)
    return filled


def _along(place: int, length: int) -> Tensor:
    """Return the weights of the pixels along one axis, (length,) double."""
    first, last = ends(place)
    centres = (torch.arange(length, dtype=torch.float64) + 0.5) * (100 / length)
    rising = (centres - first) / SOFT if place > 0 else torch.ones_like(centres)
    falling = (last - centres) / SOFT if place < SIDE - 1 else torch.ones_like(centres)
    return rising.minimum(falling).clamp(0, 1)


def _gaussian(covered: Tensor, length: int) -> Tensor:
    """Return Gaussian weights between the covered pixels and all pixels of an axis: (c, length)."""
    places = torch.arange(length, dtype=torch.float64)
    distance = places[covered][:, None] - places[None, :]
    return (-0.5 * (distance / (CELL / 200 * length)).square()).exp()


def _span(covered: Tensor) -> slice:
    inside = covered.nonzero().flatten()
    return slice(int(inside[0]), int(inside[-1]) + 1)
