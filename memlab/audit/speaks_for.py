"""For which images an effect speaks: those that have the feature, and those that were compared."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from memlab.analysis.arrays import Images
from memlab.analysis.eligible import not_eligible
from memlab.analysis.quantities import presence
from memlab.audit.estimates import FeatureData
from memlab.audit.feature_result import AreaShare
from memlab.stats.measures import Array

AREAS = (0.0, 0.01, 0.05, 0.1, 0.25, 1.0)
"""Bounds of the areas, as shares of the image, by which compared images are counted."""


def has(data: FeatureData, images: Images) -> Array:
    """Return which images have the feature: (n,) of 1 and 0, NaN where it is not known."""
    if data.feature.kind == "presence":
        if data.feature.name not in images.table:
            return np.full(len(images.predicted), np.nan)
        values = pd.to_numeric(images.table[data.feature.name], errors="coerce")
        return np.asarray(values.to_numpy(float, na_value=np.nan))
    if data.swap is None:
        return np.full(len(images.predicted), np.nan)
    return presence(data.swap)


def have(data: FeatureData, images: Images) -> int:
    """Return the number of audited images that have the feature."""
    return int(((has(data, images) == 1) & (images.audited > 0)).sum())


def without(
    data: FeatureData, conditions: pd.DataFrame, bears: NDArray[np.bool_], images: Images
) -> dict[str, int]:
    """Return the number of audited images that have the feature and were not compared, by reason.

    Images that are not annotated are counted, too; images without the feature are not.
    """
    if not data.records:
        return {}
    key = data.records[0].condition
    reasons = not_eligible(key, conditions) or {}
    counts = {name: count for name, count in reasons.items() if name != "absent"}
    able = conditions[(conditions["condition"] == key) & conditions["eligible"]]
    ids = set(able["id"]) - set(images.table.index[bears])
    if ids:
        counts["no control"] = len(ids)
    return counts


def areas(
    data: FeatureData, conditions: pd.DataFrame, bears: NDArray[np.bool_], images: Images
) -> list[AreaShare]:
    """Return the images that have the region and those compared, by the area of the region."""
    if not data.removals or "area" not in conditions:
        return []
    key = next(iter(data.removals))
    rows = conditions[(conditions["condition"] == key) & conditions["eligible"]]
    area = pd.to_numeric(rows["area"]).groupby(rows["id"]).mean().dropna()
    if area.empty:
        return []
    compared = area.index.isin(images.table.index[bears])
    found = []
    for low, high in pairwise(AREAS):
        within = ((area > low) & (area <= high)).to_numpy()
        if within.any():
            found.append(AreaShare(low, high, int(within.sum()), int((within & compared).sum())))
    return found
