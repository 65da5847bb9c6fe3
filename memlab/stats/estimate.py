"""Quantities as functions of means over images, so that resampling is a matrix product."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from memlab.stats.measures import Array


@dataclass(frozen=True)
class Estimate:
    """Number that depends on the images only through means of per-image columns.

    A mean over a subset of the images (those with a face) is a ratio of two means: of the column,
    zero elsewhere, and of the indicator. All estimates of one audit have the same images in the
    same order, so they share one set of resamples.

    Args:
        columns: (n, k) finite values, one row per image.
        of: function from means (..., k) to values (...); NaN where the quantity is undefined.
        n: number of images that contribute, if not all (those with a face).
        reason: why there is no number; the columns are then ignored.
    """

    columns: Array
    of: Callable[[Array], Array]
    n: int | None = None
    reason: str | None = None
