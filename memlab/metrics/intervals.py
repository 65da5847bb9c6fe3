"""Intervals: the pictures are resampled, pairs kept together."""

from __future__ import annotations

import dataclasses
import warnings

import numpy as np
from scipy import stats

from memlab.metrics.functional import CORES, METRICS, Array, Statistic, constant

LEVEL = 0.95
_CHUNK = 4_000_000  # resampled values held at once: 32 MB


def metric_with_interval(
    name: str, predicted: Array, score: Array, seed: int, resamples: int = 2000
) -> Statistic:
    """A statistic of `METRICS` with its percentile bootstrap interval over pictures.

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
    rng = np.random.default_rng(seed)
    step = max(1, _CHUNK // statistic.n)
    drawn = []
    for start in range(0, resamples, step):
        size = (min(step, resamples - start), statistic.n)
        places = rng.integers(statistic.n, size=size)
        # a resample may happen to be constant; it says nothing about the interval
        with np.errstate(invalid="ignore", divide="ignore"):
            drawn.append(CORES[name](predicted[places], score[places]))
    values = np.concatenate(drawn)
    ends = np.quantile(values[np.isfinite(values)], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return dataclasses.replace(
        statistic,
        low=float(ends[0]),
        high=float(ends[1]),
        level=LEVEL,
        method=f"percentile bootstrap over pictures, {resamples} resamples",
    )


def mean_drop(
    clean: Array, changed: Array, seed: int, resamples: int = 9999, level: float = LEVEL
) -> Statistic:
    """Mean of clean - changed over pictures, with its BCa bootstrap interval (Efron 1987).

    Positive where the change lowers the score: what was taken out had raised it. Serves every mean
    of paired differences.

    Args:
        clean: (n,) predictions of the pictures as they are.
        changed: (n,) predictions of the same pictures, changed.
        seed: of the resampling.
        resamples: how many.
        level: of the interval.
    """
    drop = clean - changed
    n = len(drop)
    if n == 0:
        return Statistic(None, 0, reason="no eligible picture")
    if not np.isfinite(drop).all():
        return Statistic(None, n, reason="predictions are not finite")
    mean = float(drop.mean())
    if n < 3:
        return Statistic(mean, n, reason=f"no interval: only {n} pictures")
    if constant(drop):
        return Statistic(mean, n, mean, mean, level, "all differences are equal")
    with warnings.catch_warnings():
        # SciPy warns where BCa has no answer; the interval is then NaN and becomes null below
        warnings.simplefilter("ignore")
        found = stats.bootstrap(
            (drop,),
            np.mean,
            n_resamples=resamples,
            batch=max(1, _CHUNK // n),
            confidence_level=level,
            method="BCa",
            rng=np.random.default_rng(seed),
        ).confidence_interval
    if not np.isfinite([found.low, found.high]).all():
        return Statistic(mean, n, reason="no interval: the bootstrap is degenerate")
    method = f"BCa bootstrap over pictures, {resamples} resamples"
    return Statistic(mean, n, float(found.low), float(found.high), level, method)
