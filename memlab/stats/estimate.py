"""A quantity as a function of means over images, so that resampling it is a matrix product."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from memlab.stats.measures import Array


@dataclass(frozen=True)
class Estimate:
    """A number that depends on the images through means of per-image columns alone.

    A mean over some of the images only (those that have a face) is a ratio of two means: of the
    column, zero elsewhere, and of the indicator. All estimates of one audit have the same images
    in the same order, so one set of resamples serves them all.

    Args:
        columns: (n, k) finite values, one row per image.
        of: means (..., k) to values (...); NaN where the quantity is not defined.
        n: how many images bear on it, if not all (those with a face).
        reason: why there is no number; the columns are then not looked at.
    """

    columns: Array
    of: Callable[[Array], Array]
    n: int | None = None
    reason: str | None = None
