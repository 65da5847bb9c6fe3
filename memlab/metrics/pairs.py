"""Two models on the same pictures: every picture is drawn for both, or for neither.

A resample is kept as how often each picture was drawn, (resamples, n). Ranks within a resample
follow from these counts and the order of the values, without sorting it again.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from memlab.metrics.functional import Array, Statistic
from memlab.metrics.intervals import LEVEL

RESAMPLES = 9999
_CHUNK = 1_000_000  # counts held at once, a few arrays of 8 MB


def spearman_differences(
    first: Array, second: Array, score: Array, seed: int, resamples: int = RESAMPLES
) -> Array:
    """Spearman's rho of the second minus that of the first, on resamples of the pictures.

    Both correlations of a resample are of the same pictures, so what makes a draw of pictures easy
    or hard for both models cancels. Percentile intervals of them (Efron and Tibshirani 1993, An
    Introduction to the Bootstrap, chapter 13) held the difference in 95.6 % of 1,000 simulated data
    sets of 80 pictures.

    Args:
        first: (n,) predictions of one model.
        second: (n,) predictions of the other, same pictures.
        score: (n,) scores.
        seed: of the resampling.
        resamples: how many.

    Returns:
        (resamples,) differences; NaN where a resample happens to be constant.
    """
    drawn = []
    for counts in _resamples(len(score), seed, resamples):
        true = ranks(score, counts)
        one, two = (correlation(ranks(values, counts), true, counts) for values in (first, second))
        drawn.append(two - one)
    return np.concatenate(drawn)


def standardised_differences(
    first: tuple[Array, Array], second: tuple[Array, Array], seed: int, resamples: int = RESAMPLES
) -> Array:
    """Mean drop of the second minus that of the first, each in SDs of its clean predictions.

    A model whose predictions spread twice as far has drops twice as large and relies on nothing
    twice as much; the SD is resampled with the drops.

    Args:
        first: (n,) clean and (n,) changed predictions of one model.
        second: those of the other, same pictures.
        seed: of the resampling.
        resamples: how many.
    """
    drawn = []
    for counts in _resamples(len(first[0]), seed, resamples):
        one, two = (_standardised(clean, changed, counts) for clean, changed in (first, second))
        drawn.append(two - one)
    return np.concatenate(drawn)


def standardised_drop(clean: Array, changed: Array) -> float:
    """Mean of clean - changed in SDs of the clean predictions; NaN where these are constant."""
    return float(_standardised(clean, changed, np.ones((1, len(clean))))[0])


def percentiles(value: float, n: int, drawn: Array, level: float = LEVEL) -> Statistic:
    """A value with the percentile interval of its resamples; those that are NaN are left out."""
    finite = drawn[np.isfinite(drawn)]
    if n < 3 or len(finite) == 0:
        return Statistic(value, n, reason=f"no interval: {n} pictures")
    low, high = np.quantile(finite, [(1 - level) / 2, (1 + level) / 2])
    method = f"paired percentile bootstrap over pictures, {len(drawn)} resamples"
    return Statistic(value, n, float(low), float(high), level, method)


def ranks(values: Array, counts: Array) -> Array:
    """Ranks of values in a sample that holds each as often as `counts` says, ties at their mean.

    Args:
        values: (n,).
        counts: (resamples, n), how often each was drawn.

    Returns:
        (resamples, n); where a count is 0 the number means nothing.
    """
    _, group = np.unique(values, return_inverse=True)
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))
    held = np.add.reduceat(counts[:, order], starts, axis=1)
    # the ranks of a group end at its cumulated count and span `held` places
    return np.asarray((held.cumsum(axis=1) - (held - 1) / 2)[:, group])


def correlation(x: Array, y: Array, counts: Array) -> Array:
    """Pearson's correlation of (resamples, n) values, each counted as often as `counts` says."""
    total = counts.sum(axis=1, keepdims=True)
    x = x - (counts * x).sum(axis=1, keepdims=True) / total
    y = y - (counts * y).sum(axis=1, keepdims=True) / total
    with np.errstate(invalid="ignore", divide="ignore"):  # constant: NaN
        product = (counts * x * y).sum(axis=1)
        return np.asarray(
            product / np.sqrt((counts * x * x).sum(axis=1) * (counts * y * y).sum(axis=1))
        )


def _standardised(clean: Array, changed: Array, counts: Array) -> Array:
    total = counts.sum(axis=1)
    centred = clean - clean.mean()  # less cancellation in the variance
    mean = counts @ centred / total
    variance = (counts @ centred**2 / total - mean**2) * total / (total - 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(counts @ (clean - changed) / total / np.sqrt(variance))


def _resamples(n: int, seed: int, resamples: int) -> Iterator[Array]:
    rng = np.random.default_rng(seed)
    step = max(1, _CHUNK // n)
    for start in range(0, resamples, step):
        size = min(step, resamples - start)
        places = rng.integers(n, size=(size, n))
        flat = (places + n * np.arange(size)[:, None]).ravel()
        yield np.bincount(flat, minlength=size * n).reshape(size, n).astype(float)
