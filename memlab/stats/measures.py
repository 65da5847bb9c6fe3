"""Statistics of predictions against scores; NumPy arrays in, a number or a reason out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Array = NDArray[np.float64]
CONSTANT = 1e-7
"""Predictions that spread by less than this (single precision's grain) count as constant."""


@dataclass(frozen=True)
class Statistic:
    """A number with its interval, or the reason why there is none.

    Args:
        value: the number, or None.
        n: how many images it is computed from.
        low: lower end of the interval, if one was computed.
        high: its upper end.
        level: its level, 0.95 as a rule.
        method: how the interval was made.
        reason: why `value` is None.
    """

    value: float | None
    n: int
    low: float | None = None
    high: float | None = None
    level: float | None = None
    method: str | None = None
    reason: str | None = None

    def describe(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)


def spearman(predicted: Array, score: Array) -> Statistic:
    """Spearman's rank correlation, ties at their mean rank as in `scipy.stats.spearmanr`.

    Null for fewer than three images, for constant predictions or scores, and for NaN.
    """
    return _guarded(predicted, score, CORES["spearman"])


def pearson(predicted: Array, score: Array) -> Statistic:
    """Pearson's correlation; null as for `spearman`."""
    return _guarded(predicted, score, CORES["pearson"])


def calibration_slope(predicted: Array, score: Array) -> Statistic:
    """Slope of the scores on the predictions by least squares; 1 is ideal.

    Below 1 the predictions spread too far, above 1 too little. Null as for `spearman`.
    """
    return _guarded(predicted, score, CORES["calibration_slope"])


def r2(predicted: Array, score: Array) -> Statistic:
    """Share of the scores' variance explained, 1 - MSE / variance; can be negative.

    Null for fewer than three images, constant scores, and NaN.
    """
    return _guarded(predicted, score, CORES["r2"], constant_ok=True)


def mse(predicted: Array, score: Array) -> Statistic:
    """Mean squared error, in squared units of the score; null without images and for NaN."""
    return _error(predicted, score, CORES["mse"])


def mae(predicted: Array, score: Array) -> Statistic:
    """Mean absolute error, in units of the score; null without images and for NaN."""
    return _error(predicted, score, CORES["mae"])


METRICS: dict[str, Callable[[Array, Array], Statistic]] = {
    "spearman": spearman,
    "pearson": pearson,
    "r2": r2,
    "mse": mse,
    "mae": mae,
    "calibration_slope": calibration_slope,
}
"""What is logged after each epoch, by name."""


def _slope(predicted: Array, score: Array) -> Array:
    p = predicted - predicted.mean(axis=-1, keepdims=True)
    s = score - score.mean(axis=-1, keepdims=True)
    return np.asarray((p * s).sum(axis=-1) / (p * p).sum(axis=-1))


def _correlation(predicted: Array, score: Array) -> Array:
    return np.asarray(_slope(predicted, score) * predicted.std(axis=-1) / score.std(axis=-1))


CORES: dict[str, Callable[[Array, Array], Array]] = {
    "spearman": lambda p, s: _correlation(stats.rankdata(p, axis=-1), stats.rankdata(s, axis=-1)),
    "pearson": _correlation,
    "r2": lambda p, s: 1 - np.mean((p - s) ** 2, axis=-1) / np.var(s, axis=-1),
    "mse": lambda p, s: np.mean((p - s) ** 2, axis=-1),
    "mae": lambda p, s: np.mean(np.abs(p - s), axis=-1),
    "calibration_slope": _slope,
}
"""The bare formulas, (..., n) pairs to (...), for whoever resamples; they guard against nothing."""


def constant(values: Array) -> bool:
    """Whether values spread by no more than rounding."""
    return bool(np.ptp(values) <= CONSTANT)


def _guarded(
    predicted: Array,
    score: Array,
    core: Callable[[Array, Array], Array],
    constant_ok: bool = False,
) -> Statistic:
    n = len(score)
    if n < 3:
        return Statistic(None, n, reason=f"only {n} images")
    if not np.isfinite(predicted).all():
        return Statistic(None, n, reason="predictions are not finite")
    if not np.isfinite(score).all():
        return Statistic(None, n, reason="scores are missing")
    if constant(score):
        return Statistic(None, n, reason="scores are constant")
    if not constant_ok and constant(predicted):
        return Statistic(None, n, reason="predictions are constant")
    return Statistic(float(core(predicted, score)), n)


def _error(predicted: Array, score: Array, core: Callable[[Array, Array], Array]) -> Statistic:
    n = len(score)
    if n == 0:
        return Statistic(None, n, reason="no images")
    if not np.isfinite(predicted - score).all():
        return Statistic(None, n, reason="predictions or scores are not finite")
    return Statistic(float(core(predicted, score)), n)
