"""Mean effect over images, with its interval."""

from __future__ import annotations

from memlab.stats import LEVEL, Estimate, bootstrap
from memlab.stats.measures import Array, Statistic, constant


def mean_effect(
    clean: Array, changed: Array, seed: int, resamples: int = 9999, level: float = LEVEL
) -> Statistic:
    """Return the mean of clean - changed over images, with its BCa interval (Efron 1987).

    The mean is positive if the change lowers the score. The function works for any mean of paired
    differences.

    Args:
        clean: (n,) predictions of the unchanged images.
        changed: (n,) predictions of the same images, changed.
        seed: seed of the resampling.
        resamples: number of resamples.
        level: level of the interval.
    """
    effect = clean - changed
    n = len(effect)
    if n >= 3 and constant(effect):
        value = float(effect.mean())
        return Statistic(value, n, value, value, level, "all differences are equal")
    return bootstrap({"effect": mean(effect)}, seed, resamples, level)["effect"].interval()


def mean(values: Array) -> Estimate:
    """Return the mean of values (n,) as an estimate that can be resampled."""
    return Estimate(values[:, None], lambda means: means[..., 0])
