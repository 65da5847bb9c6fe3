"""Bootstrap intervals of metrics over images; predictions and scores stay paired."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from memlab.stats import LEVEL, Estimate, bootstrap, rho
from memlab.stats.blocks import AnyEstimate
from memlab.stats.measures import CORES, METRICS, Array, Statistic, constant


def metric_with_interval(
    name: str, predicted: Array, score: Array, seed: int, resamples: int = 2000
) -> Statistic:
    """Return a statistic of `METRICS` with its percentile bootstrap interval over images.

    Args:
        name: name of the statistic.
        predicted: (n,) predictions.
        score: (n,) scores.
        seed: seed of the resampling.
        resamples: number of resamples.
    """
    statistic = METRICS[name](predicted, score)
    if statistic.value is None or statistic.n < 3:
        return statistic
    estimate = _ESTIMATES[name](predicted, score)
    resampled = bootstrap({name: estimate}, seed, resamples, kind="percentile")[name]
    return dataclasses.replace(resampled, statistic=statistic).interval()


def mean_effect(
    clean: Array, changed: Array, seed: int, resamples: int = 9999, level: float = LEVEL
) -> Statistic:
    """Return the mean of clean - changed over images, with its BCa interval (Efron 1987).

    The mean is positive if the change lowers the score. The function works for any mean of paired
    differences.

    Args:
        clean: (n,) predictions of the unchanged images.
        changed: (n,) predictions of the same images, changed.
        seed: seed of the resampling.
        resamples: number of resamples.
        level: level of the interval.
    """
    drop = clean - changed
    n = len(drop)
    if n >= 3 and constant(drop):
        value = float(drop.mean())
        return Statistic(value, n, value, value, level, "all differences are equal")
    return bootstrap({"drop": mean(drop)}, seed, resamples, level)["drop"].interval()


def mean(values: Array) -> Estimate:
    """Return the mean of values (n,) as an estimate that can be resampled."""
    return Estimate(values[:, None], lambda means: means[..., 0])


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


_ESTIMATES: dict[str, Callable[[Array, Array], AnyEstimate]] = {
    "spearman": rho,
    "pearson": _of_moments(lambda vp, vs, cov, _error: cov / np.sqrt(vp * vs)),
    "r2": _of_moments(lambda _p, vs, _cov, error: 1 - error / vs),
    "calibration_slope": _of_moments(lambda vp, _s, cov, _error: cov / vp),
    "mse": lambda p, s: mean(CORES["mse"](p[:, None], s[:, None])),
    "mae": lambda p, s: mean(CORES["mae"](p[:, None], s[:, None])),
}
