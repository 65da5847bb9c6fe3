"""Two models on the same images: every image is drawn for both, or for neither."""

from __future__ import annotations

import numpy as np

from memlab.stats import Estimate, Resampled, bootstrap, rho_difference
from memlab.stats.measures import Array

RESAMPLES = 9999


def spearman_differences(
    first: Array, second: Array, score: Array, seed: int, resamples: int = RESAMPLES
) -> Resampled:
    """Spearman's rho of the second minus that of the first, on resamples of the images.

    Both correlations of a resample are of the same images, so what makes a draw of images easy
    or hard for both models cancels. Percentile intervals of them (Efron and Tibshirani 1993, An
    Introduction to the Bootstrap, chapter 13) held the difference in 95.6 % of 1,000 simulated data
    sets of 80 images.

    Args:
        first: (n,) predictions of one model.
        second: (n,) predictions of the other, same images.
        score: (n,) scores.
        seed: of the resampling.
        resamples: how many.
    """
    difference = rho_difference(first, second, score)
    return bootstrap({"rho": difference}, seed, resamples, kind="percentile")["rho"]


def standardised_differences(
    first: tuple[Array, Array], second: tuple[Array, Array], seed: int, resamples: int = RESAMPLES
) -> Resampled:
    """Mean drop of the second minus that of the first, each in SDs of its clean predictions.

    A model whose predictions spread twice as far has drops twice as large and relies on nothing
    twice as much; the SD is resampled with the drops.

    Args:
        first: (n,) clean and (n,) changed predictions of one model.
        second: those of the other, same images.
        seed: of the resampling.
        resamples: how many.
    """
    n = len(first[0])
    columns = []
    for clean, changed in (first, second):
        centred = clean - clean.mean()  # less cancellation in the variance
        columns += [centred, centred**2, clean - changed]
    unbiased = n / max(n - 1, 1)

    def of(means: Array) -> Array:
        variance = (means[..., 1::3] - means[..., 0::3] ** 2) * unbiased
        drops = means[..., 2::3] / np.sqrt(variance)
        return np.asarray(drops[..., 1] - drops[..., 0])

    estimate = Estimate(np.stack(columns, axis=1), of)
    return bootstrap({"drop": estimate}, seed, resamples, kind="percentile")["drop"]


def standardised_drop(clean: Array, changed: Array) -> float:
    """Mean of clean - changed in SDs of the clean predictions, which are not constant."""
    return float((clean - changed).mean() / clean.std(ddof=1))
