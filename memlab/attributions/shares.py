"""How much of a map is whose, where a model has branches: from arrays alone, without torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np


def branch_shares(arrays: Mapping[str, Any]) -> dict[str, Any]:
    """Each branch's share of the absolute values of an image's maps, 0 to 1, (n,) a branch.

    Args:
        arrays: what `maps/METHOD.npz` holds.
    """
    sums = {
        name.removeprefix("maps_"): np.abs(values).sum(axis=(1, 2), dtype=float)
        for name, values in arrays.items()
        if name.startswith("maps_")
    }
    whole = np.sum(list(sums.values()), axis=0)
    # where nothing has an effect no branch has a share: NaN
    with np.errstate(invalid="ignore"):
        return {name: value / whole for name, value in sums.items()}
