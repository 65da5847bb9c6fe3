"""Memory scores from the four counts of a recognition game."""

from __future__ import annotations

import numpy as np
from scipy import stats

from memlab.stats.measures import Array


def hit_rate(hits: Array, n: Array) -> Array:
    """Hits / (hits + misses), NaN where an image never came back."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(hits / n)


def d_prime(hits: Array, n: Array, false_alarms: Array, first: Array) -> Array:
    """Sensitivity z(HR) - z(FAR), each rate (k + 1/2) / (n + 1), which is finite at 0 and n.

    Args:
        hits: (images,) repeats recognised.
        n: (images,) repeats.
        false_alarms: (images,) first showings taken for repeats.
        first: (images,) first showings.

    Returns:
        (images,) in standard deviations. Of few observers it is mostly the correction rule.
    """
    return _z(hits, n) - _z(false_alarms, first)


def criterion(hits: Array, n: Array, false_alarms: Array, first: Array) -> Array:
    """Bias c = -(z(HR) + z(FAR)) / 2: above zero where people rather say new; see `d_prime`."""
    return -(_z(hits, n) + _z(false_alarms, first)) / 2


def _z(count: Array, n: Array) -> Array:
    rate = (count + 0.5) / (n + 1)
    return np.asarray(stats.norm.ppf(np.where(n > 0, rate, np.nan)))
