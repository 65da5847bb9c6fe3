"""Maps on another grid, with the same sums."""

from __future__ import annotations

import numpy as np

from memlab.stats.measures import Array


def on_grid(maps: Array, grid: tuple[int, int]) -> Array:
    """Return maps summed on another grid; a cell gives each cell its share of the area.

    Args:
        maps: (..., h, w).
        grid: height and width of the other grid.

    Returns:
        (..., height, width), with the sums of the maps.

    >>> on_grid(np.ones((1, 4, 3)), (2, 2)).tolist()
    [[[3.0, 3.0], [3.0, 3.0]]]
    """
    down, across = (_shares(*sides) for sides in zip(maps.shape[-2:], grid, strict=True))
    return np.asarray(down @ maps @ across.T)


def _shares(fine: int, coarse: int) -> Array:
    """Return the share of each fine cell that lies in each coarse one: (coarse, fine)."""
    edges = np.arange(fine + 1) * coarse / fine
    parts = [np.diff(np.clip(edges, cell, cell + 1)) for cell in range(coarse)]
    return np.stack(parts) * fine / coarse
