"""Agreement of predictions with scores: NumPy arrays in, a number or a reason out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Array = NDArray[np.float64]
CONSTANT = 1e-7
"""Spread below which predictions count as constant: the resolution of single precision."""


@dataclass(frozen=True)
class Statistic:
    """Number with its interval, or the reason why there is none.

    Args:
        value: the number, or None.
        n: number of images.
        low: lower end of the interval, if one was computed.
        high: upper end of the interval.
        level: level of the interval, usually 0.95.
        method: how the interval was computed.
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
        """Return the fields as plain data."""
        return asdict(self)


def spearman(predicted: Array, score: Array) -> Statistic:
    """Return Spearman's rank correlation; ties have mean ranks, as in `scipy.stats.spearmanr`.

    Null for fewer than three images, for constant predictions or scores, and for NaN.
    """
    return _guarded(predicted, score, CORES["spearman"])


def pearson(predicted: Array, score: Array) -> Statistic:
    """Return Pearson's correlation; null as for `spearman`."""
    return _guarded(predicted, score, CORES["pearson"])


def calibration_slope(predicted: Array, score: Array) -> Statistic:
    """Return the least-squares slope of the scores on the predictions; 1 is ideal.

    Below 1, predictions spread too far; above 1, too little. Null as for `spearman`.
    """
    return _guarded(predicted, score, CORES["calibration_slope"])


def r2(predicted: Array, score: Array) -> Statistic:
    """Return the explained share of the scores' variance, 1 - MSE / variance; may be negative.

    Null for fewer than three images, constant scores, and NaN.
    """
    return _guarded(predicted, score, CORES["r2"], constant_ok=True)


def mse(predicted: Array, score: Array) -> Statistic:
    """Return the mean squared error, in squared units of the score.

    Null without images, and for NaN.
    """
    return _error(predicted, score, CORES["mse"])


def mae(predicted: Array, score: Array) -> Statistic:
    """Return the mean absolute error, in units of the score.

    Null without images, and for NaN.
    """
    return _error(predicted, score, CORES["mae"])


METRICS: dict[str, Callable[[Array, Array], Statistic]] = {
    "spearman": spearman,
    "pearson": pearson,
    "r2": r2,
    "mse": mse,
    "mae": mae,
    "calibration_slope": calibration_slope,
}
"""Metrics that are logged after each epoch, by name."""


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
"""Formulas without checks, from (..., n) pairs to (...), for resampling."""


def constant(values: Array) -> bool:
    """Return whether values spread by no more than rounding."""
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
