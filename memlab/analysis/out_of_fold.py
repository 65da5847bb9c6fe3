"""Pooled predictions of a cross-validation: one prediction per image, by a model that never saw it.

Two traps of pooling are avoided.

1. A model that predicts a constant predicts the mean of its training scores. That mean is low where
   the scores of the test fold are high. Over all folds, the pooled correlation of such constants is
   negative by construction. The outputs of two folds' models may also be shifted against each
   other. Correlations and the calibration slope are therefore computed from predictions that are
   centred within their fold. Centring removes one degree of freedom per fold from the predictions,
   which is corrected.
2. An image tests one model and trains the others. A pair of images in two folds therefore enters
   the sum twice: where the first trains and the second tests, and the reverse. A bootstrap over
   images treats the predictions as fixed and misses this. For a model without any skill that is
   linear in the scores, the variance is exactly twice that of the bootstrap. The intervals are
   therefore widened by the square root of two around the value.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from memlab.analysis.tested import Tested
from memlab.metrics.metric import METRICS, Metric
from memlab.seeds import seed_of
from memlab.stats.measures import Array, Statistic

WIDER = 2**0.5
"""Factor by which intervals over images are widened, because each image also trains models."""
_ONE = 1 - 1e-12
COLUMNS = ("id", "score", "predicted", "fold")


@dataclass(frozen=True)
class OutOfFold:
    """Metrics of pooled out-of-fold predictions.

    Args:
        folds: number of folds.
        n: number of images, each predicted once.
        metrics: metric to its value and interval; correlations and the calibration slope are of
            predictions centred within their fold.
        reason: why there are no metrics.
    """

    folds: int
    n: int = 0
    metrics: dict[str, Statistic] = field(default_factory=dict)
    reason: str | None = None


def pooled(tests: Mapping[int, Tested]) -> pd.DataFrame:
    """Return the predictions of all folds in one table, sorted by id.

    Args:
        tests: fold to its test.

    Returns:
        Columns `id`, `score`, `predicted`, `fold`.
    """
    parts = [
        test.rows[["score", "predicted"]].assign(fold=fold).reset_index()
        for fold, test in tests.items()
    ]
    return pd.concat(parts, ignore_index=True).sort_values("id", kind="stable")[list(COLUMNS)]


def out_of_fold(tests: Mapping[int, Tested], folds: int) -> OutOfFold:
    """Return the metrics of the pooled predictions of a cross-validation.

    Args:
        tests: fold to its test, of the finished folds.
        folds: number of folds.

    Returns:
        The metrics, or the reason why there are none: a fold is missing, or the data changed
        between two folds, so that an image was tested twice or not at all.
    """
    missing = [str(fold) for fold in range(1, folds + 1) if fold not in tests]
    if missing:
        return OutOfFold(folds, reason=f"not finished: fold {', '.join(missing)}")
    table = pooled(tests)
    twice = table["id"][table["id"].duplicated()]
    if len(twice):
        what = f"tested twice: {len(twice)} images, such as {twice.iloc[0]}"
        return OutOfFold(folds, reason=f"{what}; the data changed between the folds")
    counts = {sum(test.results.data.images.values()) for test in tests.values()}
    seeds = {test.results.data.split_seed for test in tests.values()}
    if len(counts) > 1 or len(seeds) > 1:
        return OutOfFold(folds, reason="the folds are not of one data set with one split seed")
    predicted, score = (table[name].to_numpy(dtype=float) for name in ("predicted", "score"))
    fold = table["fold"].to_numpy()
    metrics = {
        name: pooled_statistic(metric, predicted, score, fold) for name, metric in METRICS.items()
    }
    return OutOfFold(folds, len(table), metrics)


def centred(predicted: Array, fold: Array) -> Array:
    """Return predictions minus the mean of their fold's predictions.

    Args:
        predicted: (n,) predictions.
        fold: (n,) fold of each image.
    """
    _, group = np.unique(fold, return_inverse=True)
    means = np.bincount(group, predicted) / np.bincount(group)
    return np.asarray(predicted - means[group])


def pooled_statistic(metric: Metric, predicted: Array, score: Array, fold: Array) -> Statistic:
    """Return a metric of pooled out-of-fold predictions, with its interval.

    Args:
        metric: the metric; if it needs predictions that vary, they are centred within their fold.
        predicted: (n,) predictions.
        score: (n,) scores.
        fold: (n,) fold of each image.
    """
    seed = seed_of(0, "out of fold", metric.name)
    if metric.varies != "both":
        return _widened(metric.with_interval(predicted, score, seed), correlation=False)
    statistic = metric.with_interval(centred(predicted, fold), score, seed)
    if statistic.reason == "predictions are constant":
        return dataclasses.replace(statistic, reason="predictions are constant within each fold")
    left = 1 - len(np.unique(fold)) / len(score)
    correlation = metric.best == "high"
    return _widened(_scaled(statistic, left**0.5 if correlation else left), correlation)


def _scaled(statistic: Statistic, factor: float) -> Statistic:
    """Return a statistic multiplied by a factor: centring made the predictions vary less."""
    value, low, high = (
        None if end is None else end * factor
        for end in (statistic.value, statistic.low, statistic.high)
    )
    return dataclasses.replace(statistic, value=value, low=low, high=high)


def _widened(statistic: Statistic, correlation: bool) -> Statistic:
    """Return a statistic with an interval wider by `WIDER`; of correlations, on Fisher's scale."""
    if statistic.value is None or statistic.low is None or statistic.high is None:
        return statistic
    low, value, high = (
        np.arctanh(np.clip(end, -_ONE, _ONE)) if correlation else end
        for end in (statistic.low, statistic.value, statistic.high)
    )
    ends = [value + WIDER * (end - value) for end in (low, high)]
    low, high = (float(np.tanh(end)) if correlation else float(end) for end in ends)
    method = f"{statistic.method}, wider by √2 because each image also trains models"
    return dataclasses.replace(statistic, low=low, high=high, method=method)
