"""Means over images as estimates, and functions of them: prevalence, variance, ratios."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from memlab.analysis.arrays import Images
from memlab.stats import Estimate
from memlab.stats.measures import Array, constant


def mean(images: Images, values: Array) -> Estimate:
    """Return the weighted mean over the audited images that have a value.

    Args:
        images: n images.
        values: (n,), NaN for images that do not contribute.
    """
    return weighted_mean(values, images.audited)


def weighted_mean(values: Array, weights: Array) -> Estimate:
    """Return the weighted mean of the images that have a value and a weight above 0.

    Args:
        values: (n,), NaN for images that do not contribute.
        weights: (n,).
    """
    eligible = np.isfinite(values) & (weights > 0)
    weight = np.where(eligible, weights, 0.0)
    columns = np.stack([weight * np.where(eligible, values, 0.0), weight], axis=1)
    n = int(eligible.sum())
    reason = "no eligible image" if n == 0 else f"only {n} image{'s' * (n > 1)}" if n < 3 else None
    return Estimate(columns, lambda means: ratio(means[..., 0], means[..., 1]), n, reason)


def prevalence(images: Images, feature: str) -> Estimate:
    """Return the weighted share of the whole table's annotated images that have a feature."""
    present = images.present(feature)
    known = np.isfinite(present)
    weight = np.where(known, images.weight, 0.0)
    columns = np.stack([weight * np.where(known, present, 0.0), weight], axis=1)
    n = int(known.sum())
    reason = None if n else "no image is annotated for it"
    return Estimate(columns, lambda means: ratio(means[..., 0], means[..., 1]), n, reason)


def variance_of_predictions(images: Images) -> Estimate:
    """Return the weighted variance of the clean predictions over the whole table, with n - 1."""
    f, weight = images.predicted, images.weight
    n = len(f)
    reason = f"only {n} image{'s' * (n > 1)}" if n < 3 else None
    if reason is None and constant(f):
        reason = "predictions are constant"
    f = f - (f.mean() if n else 0)  # less cancellation in m2 - m1²
    columns = np.stack([weight, weight * f, weight * f**2], axis=1)

    def of(means: Array) -> Array:
        first = ratio(means[..., 1], means[..., 0])
        square = ratio(means[..., 2], means[..., 0])
        return (square - first**2) * (n / max(n - 1, 1))

    return Estimate(columns, of, n, reason)


def combine(function: Callable[..., Array], *parts: Estimate, n: int | None = None) -> Estimate:
    """Return a function of estimates as an estimate; without a value if a part has none.

    Args:
        function: function from arrays of the parts' values to an array of values.
        parts: estimates over the same images.
        n: number of images that contribute; by default that of the first part.
    """
    ends = np.cumsum([part.columns.shape[1] for part in parts])[:-1]

    def combined(means: Array) -> Array:
        split = np.split(means, ends, axis=-1)
        return function(*(part.of(columns) for part, columns in zip(parts, split, strict=True)))

    columns = np.concatenate([part.columns for part in parts], axis=1)
    reason = next((part.reason for part in parts if part.reason), None)
    return Estimate(columns, combined, parts[0].n if n is None else n, reason)


def root(v: Array) -> Array:
    """Return the signed root: sign(v) √|v|."""
    return np.asarray(np.sign(v) * np.sqrt(np.abs(v)))


def in_sd(effect: Array, variance: Array) -> Array:
    """Return an effect in standard deviations."""
    return ratio(effect, np.sqrt(np.maximum(variance, 0)))


def ratio(over: Array, under: Array) -> Array:
    """Return the ratio, NaN where the denominator is not above 0."""
    with np.errstate(invalid="ignore", divide="ignore"):  # NaN where undefined
        return np.asarray(np.where(np.asarray(under) > 0, over / under, np.nan))
