"""Blocks of estimates that share a matrix product or ranks, computed on many resamples at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from memlab.stats.correlations import Correlations, Ranked
from memlab.stats.estimate import Estimate
from memlab.stats.measures import Array

AnyEstimate = Estimate | Correlations

_ROUNDING = 1e-13
"""Rounding errors of a mean, as a share of the column's largest value."""


class Means:
    """Block of estimates from means; their columns are concatenated.

    Args:
        estimates: estimates by name, all of the same images.
        weights: (n,) inverse-inclusion weights.
    """

    def __init__(self, estimates: Mapping[str, Estimate], weights: Array | None) -> None:
        self._estimates = estimates
        columns = np.concatenate(
            [estimate.columns for estimate in estimates.values()], axis=1, dtype=float
        )
        n = len(columns)
        self._weights = np.ones(n) if weights is None else weights
        self._plain = weights is None
        # Sums of centred columns are small, and so are their rounding errors.
        self._means = self._weights @ columns / self._weights.sum()
        self._least = _ROUNDING * np.abs(columns).max(axis=0, initial=0)
        self._centred = columns - self._means
        if weights is not None:
            self._centred *= weights[:, None]
        self._centred = np.asfortranarray(self._centred)  # makes the product a third faster

    def values(self, counts: Array) -> dict[str, Array]:
        """Return each estimate on (B, n) counts: (B,)."""
        total = counts.shape[1] if self._plain else (counts @ self._weights)[:, None]
        return _of_each(
            self._estimates, self._rounded(self._means + counts @ self._centred / total)
        )

    def influences(self) -> dict[str, Array]:
        """Return each image's influence on each estimate, (n,), up to a constant.

        The influence is minus the leave-one-out estimate.
        """
        left = self._weights.sum() - self._weights
        with np.errstate(invalid="ignore", divide="ignore"):
            means = self._rounded(self._means - self._centred / left[:, None])
            without = _of_each(self._estimates, means)
        return {name: _finite(-values) for name, values in without.items()}

    def _rounded(self, means: Array) -> Array:
        """Set means that are 0 but for rounding to 0.

        Otherwise a share of nothing, 0 / 0, is a quotient of two rounding errors. Whether these
        arise depends on the processor's matrix product.
        """
        means[np.abs(means) < self._least] = 0.0
        return means


class RankCorrelations:
    """Block of estimates from rank correlations with the same scores of the same images.

    Args:
        estimates: estimates by name.
        weights: (n,) inverse-inclusion weights.
    """

    def __init__(self, estimates: Mapping[str, Correlations], weights: Array | None) -> None:
        self._estimates = estimates
        self._weights = weights
        first = next(iter(estimates.values()))
        predicted = np.concatenate([estimate.predicted for estimate in estimates.values()], axis=1)
        self._ranked = Ranked(first.score, predicted, first.among)

    def values(self, counts: Array) -> dict[str, Array]:
        """Return each estimate on (B, n) counts: (B,)."""
        # integers are summed several times as fast as floats; counts of strata are fractions
        whole = self._weights is None and np.array_equal(counts[0], np.rint(counts[0]))
        weights = counts.astype(np.int32) if whole else counts
        if self._weights is not None:
            weights = weights * self._weights
        return _of_each(self._estimates, self._ranked.rho(weights))

    def influences(self) -> dict[str, Array]:
        """Return each image's influence on each estimate, (n,), up to a constant."""
        weights = np.ones(self._ranked.n) if self._weights is None else self._weights
        without = self._ranked.rho(weights[None]) - self._ranked.influence(weights)
        return {
            name: _finite(-values) for name, values in _of_each(self._estimates, without).items()
        }


def blocks_of(
    estimates: Mapping[str, AnyEstimate], weights: Array | None
) -> Sequence[Means | RankCorrelations]:
    """Group estimates that share a matrix product, or ranks of the same scores."""
    means = {
        name: estimate for name, estimate in estimates.items() if isinstance(estimate, Estimate)
    }
    shared: dict[tuple[bytes, bytes], dict[str, Correlations]] = {}
    for name, estimate in estimates.items():
        if isinstance(estimate, Correlations):
            among = b"" if estimate.among is None else estimate.among.tobytes()
            shared.setdefault((estimate.score.tobytes(), among), {})[name] = estimate
    blocks: list[Means | RankCorrelations] = [Means(means, weights)] if means else []
    return blocks + [RankCorrelations(correlations, weights) for correlations in shared.values()]


def _of_each(estimates: Mapping[str, AnyEstimate], values: Array) -> dict[str, Array]:
    """Return each estimate from its slice of the columns, (B, k), of all estimates."""
    estimated, start = {}, 0
    with np.errstate(all="ignore"):  # NaN where undefined on a resample
        for name, estimate in estimates.items():
            columns = estimate.predicted if isinstance(estimate, Correlations) else estimate.columns
            end = start + columns.shape[1]
            estimated[name] = np.asarray(estimate.of(values[:, start:end]), dtype=float)
            start = end
    return estimated


def _finite(values: Array) -> Array:
    """Replace values of images without a leave-one-out estimate by the mean of the others."""
    good = np.isfinite(values)
    usual = values[good].mean() if good.any() else 0.0
    return np.where(good, values, usual)
