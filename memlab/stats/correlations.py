"""Spearman's rho on resamples, from weighted mid-ranks of values that are sorted once.

If a sample contains each image w times (w may be any weight), the mid-rank of a value is the weight
below the value plus half the weight at the value. Spearman's rho is Pearson's correlation of
mid-ranks, ties included. Mid-ranks follow from cumulative weights in the order of the values,
without sorting again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memlab.stats.measures import Array

_CACHED = 65_536  # weights ranked per step; they fit into the processor's cache


Numbers = NDArray[Any]
"""float64, or int32, which is cumulated several times as fast."""


def _only(rho: Array) -> Array:
    return np.asarray(rho[..., 0])


@dataclass(frozen=True)
class Correlations:
    """Number that depends on the images through rank correlations with one score.

    `rho` and `rho_difference` create it; it can be used wherever an `Estimate` can.

    Args:
        predicted: (n, k) predictions, one column per correlation.
        score: (n,) scores that all columns are correlated with.
        of: function from correlations (..., k) to values (...).
        among: (n,) the images that contribute, if not all; values of other images may be NaN.
        reason: why there is no number; the columns are then ignored.
    """

    predicted: Array
    score: Array
    of: Callable[[Array], Array] = _only
    among: NDArray[np.bool_] | None = None
    reason: str | None = None


def rho(
    predicted: Array,
    score: Array,
    among: NDArray[np.bool_] | None = None,
    reason: str | None = None,
) -> Correlations:
    """Return Spearman's correlation of predictions with scores, as an estimate to be resampled.

    Args:
        predicted: (n,) predictions.
        score: (n,) scores.
        among: (n,) the images that contribute, if not all.
        reason: why there is no number.
    """
    return Correlations(predicted[:, None], score, _only, among, reason)


def rho_difference(
    first: Array,
    second: Array,
    score: Array,
    among: NDArray[np.bool_] | None = None,
    reason: str | None = None,
) -> Correlations:
    """Return Spearman's rho of the second minus that of the first, with the same scores.

    Each resample uses the same images for both correlations, so variation that is common to both
    cancels; it does not cancel between two separate intervals. Either argument may be (n, k), draws
    of the same control: its rho is then the mean over its columns.

    Args:
        first: (n,) or (n, k) predictions.
        second: (n,) or (n, k) predictions of the same images.
        score: (n,) scores.
        among: (n,) the images that contribute, if not all.
        reason: why there is no number.
    """
    first, second = (values.reshape(len(score), -1) for values in (first, second))
    split = first.shape[1]

    def of(rhos: Array) -> Array:
        return np.asarray(rhos[..., split:].mean(axis=-1) - rhos[..., :split].mean(axis=-1))

    return Correlations(np.concatenate([first, second], axis=1), score, of, among, reason)


class Ranked:
    """Scores and columns of predictions, sorted once to compute rho for any weights.

    Args:
        score: (n,) scores.
        predicted: (n, k) predictions.
        among: (n,) the images that contribute; weights of other images are ignored.
    """

    def __init__(
        self, score: Array, predicted: Array, among: NDArray[np.bool_] | None = None
    ) -> None:
        images = np.arange(len(score)) if among is None else np.flatnonzero(among)
        # With images in the order of their scores, only predictions need another order.
        self.images = images[np.argsort(score[images], kind="stable")]
        self.n = len(score)
        self._score = _Order(score[self.images], np.arange(len(images)))
        columns = predicted[self.images].T
        self._columns = [_Order(c[o], o) for c in columns for o in [np.argsort(c, kind="stable")]]

    def rho(self, weights: Numbers) -> Array:
        """Return Spearman's rho of every column with the scores.

        Args:
            weights: (B, n), number of times that each sample contains each image, times its weight.

        Returns:
            (B, k); NaN where predictions or scores are constant.
        """
        step = max(1, _CACHED // len(self.images))
        parts = range(0, len(weights), step)
        return np.concatenate([self._rho(weights[start : start + step]) for start in parts])

    def _rho(self, weights: Numbers) -> Array:
        weights = np.take(weights, self.images, axis=1)
        total = weights.sum(axis=1, keepdims=True, dtype=float)
        weighted = weights * self._score.spread(self._score.ranks(weights, total))
        of_score = _squares(self._score.gathered(weights), total)
        # All columns without ties share these values.
        distinct = np.vecdot(weighted, weights) / 2, _squares(weights, total)
        rhos = np.empty((len(weights), len(self._columns)))
        for column, order in enumerate(self._columns):
            by_group = order.gathered(np.take(weights, order.order, axis=1))
            moved = order.gathered(np.take(weighted, order.order, axis=1))
            half, squares = distinct
            if order.tied:
                half, squares = np.vecdot(moved, by_group) / 2, _squares(by_group, total)
            # `moved` sums to 0, so the ranks that it is multiplied with need not be centred.
            product = np.vecdot(moved, by_group.cumsum(axis=1, dtype=by_group.dtype)) - half
            with np.errstate(invalid="ignore", divide="ignore"):
                rhos[:, column] = product / np.sqrt(of_score * squares)
        return rhos

    def influence(self, weights: Array) -> Array:
        """Return each image's influence on every rho: the derivative by the image's count.

        This is the infinitesimal jackknife (Jaeckel 1972; Efron 1987, equation 6.5), exact for
        mid-ranks.

        Args:
            weights: (n,) weight of each image.

        Returns:
            (n, k); 0 for images that do not contribute; every column sums to 0.
        """
        ordered = weights[self.images][None]
        total = ordered.sum(axis=1, keepdims=True)
        of_score = _squares(self._score.gathered(ordered), total)
        score = self._score.spread(self._score.ranks(ordered, total))[0]
        by_score = self._score.slope(ordered, total)[0]
        influences = np.zeros((self.n, len(self._columns)))
        for index, order in enumerate(self._columns):
            sorted_weights = ordered[:, order.order]
            of_column = _squares(order.gathered(sorted_weights), total)
            column, by_column = np.empty((2, len(self.images)))
            column[order.order] = order.spread(order.ranks(sorted_weights, total))[0]
            by_column[order.order] = order.slope(sorted_weights, total)[0]
            change = score * column + self._score.above((ordered[0] * column)[None])[0]
            above = np.empty_like(column)
            above[order.order] = order.above((ordered[0] * score)[order.order][None])[0]
            product = (ordered[0] * score * column).sum()
            with np.errstate(invalid="ignore", divide="ignore"):
                root = np.sqrt(of_score * of_column)
                change = (change + above) / root - product / root / 2 * (
                    by_score / of_score + by_column / of_column
                )
            influences[self.images, index] = ordered[0] * change
        return influences


class _Order:
    """Column in ascending order, with its groups of ties.

    Args:
        values: (m,) ascending values.
        order: (m,) original indices of the values.
    """

    def __init__(self, values: Array, order: NDArray[np.intp]) -> None:
        self.order = order
        new = np.diff(values, prepend=np.nan) != 0
        self.tied = not new.all()
        self._starts = np.flatnonzero(new)
        self._group = np.cumsum(new) - 1

    def gathered(self, values: Numbers) -> Numbers:
        """Return the sums over groups of ties, (B, groups), of (B, m) sorted values."""
        return np.add.reduceat(values, self._starts, axis=1) if self.tied else values

    def spread(self, values: Numbers) -> Numbers:
        """Return (B, m) values that repeat each group's value, (B, groups), for its members."""
        return np.take(values, self._group, axis=1) if self.tied else values

    def ranks(self, weights: Numbers, total: Array) -> Array:
        """Return centred mid-ranks (B, groups) of (B, m) sorted weights that sum to `total`."""
        by_group = self.gathered(weights)
        return np.asarray(by_group.cumsum(axis=1, dtype=by_group.dtype) - by_group / 2 - total / 2)

    def slope(self, weights: Numbers, total: Array) -> Array:
        """Return the derivative of the ranks' sum of squares by each sorted weight: (1, m)."""
        return self.spread((total**2 - self.gathered(weights) ** 2) / 4)

    def above(self, values: Array) -> Array:
        """Return sums over the positions above each value; ties count half.

        Args:
            values: (1, m) sorted values that sum to 0.
        """
        by_group = self.gathered(values)
        return self.spread(by_group / 2 - by_group.cumsum(axis=1))


def _squares(by_group: Numbers, total: Array) -> Array:
    """Return the sum of squares of centred mid-ranks, (W³ - Σ h³) / 12.

    W is the total weight, h the weight of each group of ties.
    """
    cubes = np.einsum("ij,ij,ij->i", by_group, by_group, by_group, dtype=float)
    most = total[:, 0] ** 3
    # NaN if values are constant except for rounding
    return np.where(most - cubes > 1e-9 * most, most - cubes, np.nan) / 12
