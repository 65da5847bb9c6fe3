"""Metrics of predictions against scores: name, formula, and how it is resampled."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

from memlab.metrics.mean_effect import mean
from memlab.stats import Estimate, bootstrap, rho
from memlab.stats.blocks import AnyEstimate
from memlab.stats.measures import Array, Statistic, constant

Best = Literal["high", "low", "one"]


@dataclass(frozen=True)
class Metric:
    """Agreement of predictions with scores.

    A metric of your own is one more entry of `METRICS`: it is then logged, tested, bootstrapped and
    printed like the others.

    Args:
        name: key in results and logs.
        symbol: head of a column.
        best: whether high or low values are good, or values near one.
        core: formula without checks, from (..., n) pairs to (...).
        estimate: the same as a function of means of per-image columns, for resampling; (n,) pairs.
        least: smallest number of images for a value.
        varies: what must not be constant: `both`, `scores`, or `neither`.
    """

    name: str
    symbol: str
    best: Best
    core: Callable[[Array, Array], Array]
    estimate: Callable[[Array, Array], AnyEstimate]
    least: int = 3
    varies: Literal["both", "scores", "neither"] = "both"

    def __call__(self, predicted: Array, score: Array) -> Statistic:
        """Return the value, or the reason why there is none.

        Args:
            predicted: (n,) predictions.
            score: (n,) scores.
        """
        n = len(score)
        if n < self.least:
            return Statistic(None, n, reason="no images" if self.least == 1 else f"only {n} images")
        if not np.isfinite(predicted).all():
            return Statistic(None, n, reason="predictions are not finite")
        if not np.isfinite(score).all():
            return Statistic(None, n, reason="scores are missing")
        if self.varies != "neither" and constant(score):
            return Statistic(None, n, reason="scores are constant")
        if self.varies == "both" and constant(predicted):
            return Statistic(None, n, reason="predictions are constant")
        return Statistic(float(self.core(predicted, score)), n)

    def with_interval(
        self, predicted: Array, score: Array, seed: int, resamples: int = 2000
    ) -> Statistic:
        """Return the value with its percentile bootstrap interval over images.

        Args:
            predicted: (n,) predictions.
            score: (n,) scores.
            seed: seed of the resampling.
            resamples: number of resamples.
        """
        statistic = self(predicted, score)
        if statistic.value is None or statistic.n < 3:
            return statistic
        estimate = self.estimate(predicted, score)
        resampled = bootstrap({self.name: estimate}, seed, resamples, kind="percentile")[self.name]
        return dataclasses.replace(resampled, statistic=statistic).interval()


def _slope(predicted: Array, score: Array) -> Array:
    p = predicted - predicted.mean(axis=-1, keepdims=True)
    s = score - score.mean(axis=-1, keepdims=True)
    return np.asarray((p * s).sum(axis=-1) / (p * p).sum(axis=-1))


def _correlation(predicted: Array, score: Array) -> Array:
    return np.asarray(_slope(predicted, score) * predicted.std(axis=-1) / score.std(axis=-1))


def _rank_correlation(predicted: Array, score: Array) -> Array:
    return _correlation(stats.rankdata(predicted, axis=-1), stats.rankdata(score, axis=-1))


def _of_moments(
    core: Callable[[Array, Array, Array, Array], Array],
) -> Callable[[Array, Array], Estimate]:
    """Build an estimate from variances, covariance and MSE of predictions and scores."""

    # Centring avoids cancellation in the variances.
    def estimate(predicted: Array, score: Array) -> Estimate:
        p, s = predicted - predicted.mean(), score - score.mean()
        error = (predicted - score) ** 2
        least = 1e-12 * np.array([np.mean(p * p), np.mean(s * s)])

        def of(means: Array) -> Array:
            p, s, pp, ss, ps, error = np.moveaxis(means, -1, 0)
            variances = pp - p * p, ss - s * s
            # undefined on a resample where predictions or scores are constant
            spread = [np.where(v > z, v, np.nan) for v, z in zip(variances, least, strict=True)]
            return core(spread[0], spread[1], ps - p * s, error)

        return Estimate(np.stack([p, s, p * p, s * s, p * s, error], axis=1), of)

    return estimate


SPEARMAN = Metric("spearman", "ρ", "high", _rank_correlation, rho)
"""Spearman's rank correlation; ties have mean ranks, as in `scipy.stats.spearmanr`."""
PEARSON = Metric(
    "pearson",
    "r",
    "high",
    _correlation,
    _of_moments(lambda vp, vs, cov, _error: cov / np.sqrt(vp * vs)),
)
"""Pearson's correlation."""
R2 = Metric(
    "r2",
    "R²",
    "high",
    lambda p, s: 1 - np.mean((p - s) ** 2, axis=-1) / np.var(s, axis=-1),
    _of_moments(lambda _p, vs, _cov, error: 1 - error / vs),
    varies="scores",
)
"""Explained share of the scores' variance, 1 - MSE / variance; may be negative."""
MSE = Metric(
    "mse",
    "MSE",
    "low",
    lambda p, s: np.mean((p - s) ** 2, axis=-1),
    lambda p, s: mean((p - s) ** 2),
    least=1,
    varies="neither",
)
"""Mean squared error, in squared units of the score."""
MAE = Metric(
    "mae",
    "MAE",
    "low",
    lambda p, s: np.mean(np.abs(p - s), axis=-1),
    lambda p, s: mean(np.abs(p - s)),
    least=1,
    varies="neither",
)
"""Mean absolute error, in units of the score."""
CALIBRATION_SLOPE = Metric(
    "calibration_slope",
    "slope",
    "one",
    _slope,
    _of_moments(lambda vp, _s, cov, _error: cov / vp),
)
"""Least-squares slope of the scores on the predictions; 1 is ideal.

Below 1, predictions spread too far; above 1, too little."""

METRICS: dict[str, Metric] = {
    metric.name: metric for metric in (SPEARMAN, PEARSON, R2, MSE, MAE, CALIBRATION_SLOPE)
}
"""Metrics that are logged after each epoch and reported by tests, by name."""
