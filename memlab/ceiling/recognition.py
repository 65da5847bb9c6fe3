"""Memory scores from the four counts of a recognition experiment."""

from __future__ import annotations

import numpy as np
from scipy import stats

from memlab.stats.measures import Array


def hit_rate(hits: Array, n: Array) -> Array:
    """Return hits / (hits + misses); NaN for an image that was never repeated."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(hits / n)


def d_prime(hits: Array, n: Array, false_alarms: Array, first: Array) -> Array:
    """Return the sensitivity z(HR) - z(FAR), with rates (k + 1/2) / (n + 1), finite at 0 and n.

    Args:
        hits: (images,) recognised repeats.
        n: (images,) repeats.
        false_alarms: (images,) false alarms at first showings.
        first: (images,) first showings.

    Returns:
        (images,) in standard deviations. With few observers, the correction (k + 1/2) / (n + 1)
        dominates the value.
    """
    return _z(hits, n) - _z(false_alarms, first)


def criterion(hits: Array, n: Array, false_alarms: Array, first: Array) -> Array:
    """Return the bias c = -(z(HR) + z(FAR)) / 2; positive if people tend to say new.

    See `d_prime` for the rates and arguments.
    """
    return -(_z(hits, n) + _z(false_alarms, first)) / 2


def _z(count: Array, n: Array) -> Array:
    rate = (count + 0.5) / (n + 1)
    return np.asarray(stats.norm.ppf(np.where(n > 0, rate, np.nan)))
