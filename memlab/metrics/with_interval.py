"""Intervals: the images are resampled, pairs kept together."""

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
    """A statistic of `METRICS` with its percentile bootstrap interval over images.

    Args:
        name: which statistic.
        predicted: (n,) predictions.
        score: (n,) scores.
        seed: of the resampling.
        resamples: how many.
    """
    statistic = METRICS[name](predicted, score)
    if statistic.value is None or statistic.n < 3:
        return statistic
    estimate = _ESTIMATES[name](predicted, score)
    resampled = bootstrap({name: estimate}, seed, resamples, kind="percentile")[name]
    return dataclasses.replace(resampled, statistic=statistic).interval()


def mean_drop(
    clean: Array, changed: Array, seed: int, resamples: int = 9999, level: float = LEVEL
) -> Statistic:
    """Mean of clean - changed over images, with its BCa bootstrap interval (Efron 1987).

    Positive where the change lowers the score: what was taken out had raised it. Serves every mean
    of paired differences.

    Args:
        clean: (n,) predictions of the images as they are.
        changed: (n,) predictions of the same images, changed.
        seed: of the resampling.
        resamples: how many.
        level: of the interval.
    """
    drop = clean - changed
    n = len(drop)
    if n >= 3 and constant(drop):
        value = float(drop.mean())
        return Statistic(value, n, value, value, level, "all differences are equal")
    return bootstrap({"drop": mean(drop)}, seed, resamples, level)["drop"].interval()


def mean(values: Array) -> Estimate:
    """The mean of values (n,), to be resampled."""
    return Estimate(values[:, None], lambda means: means[..., 0])


def _of_moments(
    core: Callable[[Array, Array, Array, Array], Array],
) -> Callable[[Array, Array], Estimate]:
    """From variances of predictions and scores, their covariance and the mean squared error."""

    # centred, so that variances do not cancel in rounding
    def estimate(predicted: Array, score: Array) -> Estimate:
        p, s = predicted - predicted.mean(), score - score.mean()
        error = (predicted - score) ** 2
        least = 1e-12 * np.array([np.mean(p * p), np.mean(s * s)])

        def of(means: Array) -> Array:
            p, s, pp, ss, ps, error = np.moveaxis(means, -1, 0)
            variances = pp - p * p, ss - s * s
            # a resample may happen to be constant: there it is undefined
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
