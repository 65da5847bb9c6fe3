"""Estimates computed together on many resamples: by one matrix product, or from the same ranks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from memlab.stats.correlations import Correlations, Ranked
from memlab.stats.estimate import Estimate
from memlab.stats.measures import Array

AnyEstimate = Estimate | Correlations


class Means:
    """Estimates from means, their columns side by side.

    Args:
        estimates: by name, all of the same images.
        weights: (n,) inverse-inclusion weights.
    """

    def __init__(self, estimates: Mapping[str, Estimate], weights: Array | None) -> None:
        self._estimates = estimates
        columns = np.concatenate([one.columns for one in estimates.values()], axis=1, dtype=float)
        n = len(columns)
        self._weights = np.ones(n) if weights is None else weights
        self._plain = weights is None
        # centred: their sums are small, and so is what rounding takes from them
        self._means = self._weights @ columns / self._weights.sum()
        self._centred = columns - self._means
        if weights is not None:
            self._centred *= weights[:, None]
        self._centred = np.asfortranarray(self._centred)  # a third faster in the product

    def values(self, counts: Array) -> dict[str, Array]:
        """Each estimate on (B, n) counts: (B,)."""
        total = counts.shape[1] if self._plain else (counts @ self._weights)[:, None]
        return _of_each(self._estimates, self._means + counts @ self._centred / total)

    def influences(self) -> dict[str, Array]:
        """Each estimate less its value without each image, (n,), up to a constant."""
        left = self._weights.sum() - self._weights
        with np.errstate(invalid="ignore", divide="ignore"):
            without = _of_each(self._estimates, self._means - self._centred / left[:, None])
        return {name: _finite(-values) for name, values in without.items()}


class RankCorrelations:
    """Estimates from rank correlations with the same scores of the same images.

    Args:
        estimates: by name.
        weights: (n,) inverse-inclusion weights.
    """

    def __init__(self, estimates: Mapping[str, Correlations], weights: Array | None) -> None:
        self._estimates = estimates
        self._weights = weights
        first = next(iter(estimates.values()))
        predicted = np.concatenate([one.predicted for one in estimates.values()], axis=1)
        self._ranked = Ranked(first.score, predicted, first.among)

    def values(self, counts: Array) -> dict[str, Array]:
        """Each estimate on (B, n) counts: (B,)."""
        # whole numbers are summed several times as fast
        weights = counts.astype(np.int32) if self._weights is None else counts * self._weights
        return _of_each(self._estimates, self._ranked.rho(weights))

    def influences(self) -> dict[str, Array]:
        """Each estimate less its value without each image, (n,), up to a constant."""
        weights = np.ones(self._ranked.n) if self._weights is None else self._weights
        without = self._ranked.rho(weights[None]) - self._ranked.influence(weights)
        return {
            name: _finite(-values) for name, values in _of_each(self._estimates, without).items()
        }


def blocks_of(
    estimates: Mapping[str, AnyEstimate], weights: Array | None
) -> Sequence[Means | RankCorrelations]:
    """Estimates that share a matrix product, or ranks of the same scores, computed together."""
    means = {name: one for name, one in estimates.items() if isinstance(one, Estimate)}
    shared: dict[tuple[bytes, bytes], dict[str, Correlations]] = {}
    for name, one in estimates.items():
        if isinstance(one, Correlations):
            among = b"" if one.among is None else one.among.tobytes()
            shared.setdefault((one.score.tobytes(), among), {})[name] = one
    blocks: list[Means | RankCorrelations] = [Means(means, weights)] if means else []
    return blocks + [RankCorrelations(each, weights) for each in shared.values()]


def _of_each(estimates: Mapping[str, AnyEstimate], values: Array) -> dict[str, Array]:
    """Each estimate from its own among the columns, (B, k), of all."""
    found, start = {}, 0
    with np.errstate(all="ignore"):  # undefined on a resample: NaN
        for name, one in estimates.items():
            own = one.predicted if isinstance(one, Correlations) else one.columns
            end = start + own.shape[1]
            found[name] = np.asarray(one.of(values[:, start:end]), dtype=float)
            start = end
    return found


def _finite(values: Array) -> Array:
    """An image without which there is no estimate says nothing of its skewness."""
    good = np.isfinite(values)
    usual = values[good].mean() if good.any() else 0.0
    return np.where(good, values, usual)
