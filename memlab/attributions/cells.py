"""Notes on the grid of maps: too coarse to tell positions apart, or finer than the images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from memlab.attributions.blanks import listed

FEWEST_CELLS = 4
"""Cells along a side below which a map has no position finer than a quarter of the image."""


def grid_notes(method: str, arrays: Mapping[str, Any]) -> list[str]:
    """Return what a reader must know of the cells of maps; empty if they are as expected.

    Args:
        method: name of the method.
        arrays: content of `maps/METHOD.npz`, of which `id`, `maps` and `size` are used.

    >>> arrays = {"id": ["a.png"], "maps": np.ones((1, 2, 2)), "size": [[64, 64]]}
    >>> grid_notes("grad_cam", arrays)
    ['grad_cam: maps of 2 × 2 cells hardly tell positions apart: take an earlier layer, or auto.']
    """
    height, width = np.asarray(arrays["maps"]).shape[1:]
    notes = []
    if min(height, width) < FEWEST_CELLS:
        notes.append(
            f"{method}: maps of {height} × {width} cells hardly tell positions apart: take "
            "an earlier layer, or auto."
        )
    sizes = np.asarray(arrays.get("size", np.zeros((0, 2)))).reshape(-1, 2)
    small = (sizes.min(axis=1, initial=height + width) > 0) & (sizes < (height, width)).any(axis=1)
    names = [str(name) for name, few in zip(arrays["id"], small, strict=False) if few]
    if names:
        notes.append(
            f"{method}: {len(names)} of {len(arrays['id'])} images have fewer pixels than the "
            f"{height} × {width} cells of a map, and were enlarged: {listed(names)}."
        )
    return notes
