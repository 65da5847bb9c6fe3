"""The cells of a blind scan: where they are, and what is put in the place of one."""

from __future__ import annotations

import torch
from torch import Tensor

SIDE = 8
"""Cells across, and down."""
CELL = 16.0
"""Side of a cell in % of the width: four overlapping ones cover most places, so that a mark of up
to 4 % lies wholly inside a cell, and one of up to 16 % at least by half."""
STEP = (100.0 - CELL) / (SIDE - 1)
"""From one cell to the next in % of the width: 12, so that the grid fills the image."""
SOFT = 2.0
"""Width of a cell's soft edge, inside it, in % of the width."""


def ends(place: int) -> tuple[float, float]:
    """Where the cells of a row or column of the grid begin and end, in % of the width."""
    return place * STEP, place * STEP + CELL


def cell_weights(row: int, column: int, height: int, width: int) -> Tensor:
    """How much of each pixel a cell takes: (1, 1, H, W), 1 inside, 0 outside, soft between.

    The edge is hard where it is the image's own: nothing shows through there.

    Args:
        row: 0 to 7 from the top.
        column: 0 to 7 from the left.
        height: of the image, pixels.
        width: of the image, pixels.
    """
    down, across = _along(row, height), _along(column, width)
    return (down[:, None] * across[None, :]).float()[None, None]


def cell_free(row: int, column: int, labelled: Tensor) -> Tensor:
    """Share of a cell that is not labelled: (B,) on the CPU.

    Args:
        row: 0 to 7 from the top.
        column: 0 to 7 from the left.
        labelled: (B, 1, H, W), above 0 where something is labelled.
    """
    weights = cell_weights(row, column, *labelled.shape[-2:]).to(labelled.device)
    taken = ((labelled > 0) * weights).sum(dim=(1, 2, 3)) / weights.sum()
    return (1 - taken).cpu()


def fill_cell(images: Tensor, row: int, column: int) -> Tensor:
    """Replace a cell by what surrounds it, smoothly, with a hard edge.

    Each pixel becomes the mean of the pixels outside the cell, weighted by a Gaussian of its
    distance to them, of half the cell's side as standard deviation (Shepard's interpolation, with
    a Gaussian weight): flat where the surroundings are flat, a ramp between two of them.

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
    """Weights of the pixels along one axis, (length,) double."""
    first, last = ends(place)
    centres = (torch.arange(length, dtype=torch.float64) + 0.5) * (100 / length)
    rising = (centres - first) / SOFT if place > 0 else torch.ones_like(centres)
    falling = (last - centres) / SOFT if place < SIDE - 1 else torch.ones_like(centres)
    return rising.minimum(falling).clamp(0, 1)


def _gaussian(covered: Tensor, length: int) -> Tensor:
    """Gaussian weights between each covered pixel and all pixels of an axis: (c, length)."""
    places = torch.arange(length, dtype=torch.float64)
    distance = places[covered][:, None] - places[None, :]
    return (-0.5 * (distance / (CELL / 200 * length)).square()).exp()


def _span(covered: Tensor) -> slice:
    inside = covered.nonzero().flatten()
    return slice(int(inside[0]), int(inside[-1]) + 1)
