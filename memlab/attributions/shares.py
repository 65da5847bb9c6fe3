"""Shares of a model's branches in a map, computed from arrays without torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np


def branch_shares(arrays: Mapping[str, Any]) -> dict[str, Any]:
    """Return each branch's share of the absolute values of each image's map, 0 to 1: (n,) each.

    Args:
        arrays: the content of `maps/METHOD.npz`.
    """
    sums = {
        name.removeprefix("maps_"): np.abs(values).sum(axis=(1, 2), dtype=float)
        for name, values in arrays.items()
        if name.startswith("maps_")
    }
    total = np.sum(list(sums.values()), axis=0)
    # if all maps are zero, the shares are NaN
    with np.errstate(invalid="ignore"):
        return {name: value / total for name, value in sums.items()}
