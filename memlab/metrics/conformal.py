"""Prediction intervals, calibrated on images that the model was not trained on."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from scipy import stats

from memlab.errors import MemlabError
from memlab.stats.measures import Array, Statistic

LEVEL = 0.9
"""Default level of prediction intervals."""

MOST_LABELS = 1001
"""Number of training labels kept for percentiles; more are thinned to evenly spaced ranks."""


@dataclass(frozen=True)
class Calibration:
    """Validation errors and training labels of a model.

    Args:
        residuals: (n,) `|score − predicted|` of the validation images, ascending; None if these
            weights were never validated.
        labels: (m,) training labels, ascending; None if there are none.
        reason: why `residuals` is missing.
    """

    residuals: Array | None = None
    labels: Array | None = None
    reason: str = "the model brings no validation errors"

    def half_width(self, level: float = LEVEL) -> Statistic:
        """Return half the width of the interval around a prediction, before clipping."""
        if self.residuals is None:
            return Statistic(None, 0, reason=self.reason)
        return half_width(self.residuals, level)

    @property
    def lowest(self) -> float:
        """Lowest score there is: 0, or -1 if training labels are differences of rates below 0."""
        return -1.0 if self.labels is not None and len(self.labels) and self.labels[0] < 0 else 0.0

    def columns(self, predicted: Array, level: float = LEVEL) -> dict[str, Array]:
        """Return `low`, `high` and `percentile` of predictions (n,); NaN if not available."""
        none = np.full(len(predicted), np.nan)
        half = self.half_width(level).value
        low, high = (none, none) if half is None else interval(predicted, half, self.lowest)
        labels = self.labels
        percentiles = none if labels is None else percentile(predicted, labels)
        return {"low": low, "high": high, "percentile": percentiles}


def half_width(residuals: Array, level: float) -> Statistic:
    """Return the ceil((n + 1) level)-th smallest residual: split-conformal prediction.

    For exchangeable images, the interval predicted ± residual contains the score with a probability
    of at least `level`, for any model and any distribution, and below level + 1/(n + 1) without
    ties (Vovk, Gammerman & Shafer 2005; Lei et al. 2018, JASA, theorem 2.2; Angelopoulos & Bates
    2023, eq. 1).

    Args:
        residuals: (n,) `|score − predicted|` of images not trained on, ascending.
        level: above 0 and below 1.

    Returns:
        Null if n is too small for the level (n < 1 / (1 − level) − 1), or an error is not finite.

    Raises:
        MemlabError: if the level is not between 0 and 1.
    """
    if not 0 < level < 1:
        raise MemlabError(f"level {level:g}: above 0 and below 1")
    n = len(residuals)
    if not np.isfinite(residuals).all():
        return Statistic(None, n, reason="validation predictions are not finite")
    # exact fraction: 100 * 0.07 is 7.000000000000001 in floating point, and its ceiling is 8
    exact = Fraction(str(level))
    rank = math.ceil((n + 1) * exact)
    if rank > n:
        needed = math.ceil(1 / (1 - exact)) - 1
        return Statistic(
            None,
            n,
            reason=f"{n} validation images are too few for a {100 * level:g} % interval "
            f"(at least {needed})",
        )
    method = f"split-conformal: the {rank}th smallest of {n} validation errors"
    return Statistic(float(residuals[rank - 1]), n, level=level, method=method)


def interval(predicted: Array, half: float, lowest: float = 0.0) -> tuple[Array, Array]:
    """Return the ends (n,) of predicted ± half, clipped to the scores' range, `lowest` to 1."""
    return np.clip(predicted - half, lowest, 1), np.clip(predicted + half, lowest, 1)


def coverage(score: Array, low: Array, high: Array, level: float = 0.95) -> Statistic:
    """Return the share of scores inside their intervals, ends included.

    Args:
        score: (n,) memorability scores.
        low: (n,) lower ends.
        high: (n,) upper ends.
        level: level of the share's own interval (Clopper & Pearson 1934), which is conservative.
    """
    n = len(score)
    if n == 0:
        return Statistic(None, 0, reason="no images")
    if not np.isfinite(np.stack([score, low, high])).all():
        return Statistic(None, n, reason="scores or intervals are not finite")
    inside = int(((low <= score) & (score <= high)).sum())
    ends = stats.binomtest(inside, n).proportion_ci(level, method="exact")
    return Statistic(
        inside / n, n, float(ends.low), float(ends.high), level, "Clopper–Pearson over images"
    )


def expected_coverage(n: int, tested: int, level: float) -> tuple[float, float]:
    """Return the range that holds the measured coverage in 95 % of tests with exchangeable images.

    Given n calibration images, the coverage probability follows Beta(k, n + 1 − k), where k is the
    rank of the selected residual (Vovk 2012, ACML, proposition 2a). The number of covered test
    images is therefore beta-binomial. A coverage outside the range means that the test images
    differ from the validation images, or that the checkpoint selection overfitted the validation
    images.

    Args:
        n: number of validation images.
        tested: number of test images.
        level: level of the intervals; n must be large enough for the level.
    """
    rank = math.ceil((n + 1) * Fraction(str(level)))
    covered = stats.betabinom(tested, rank, n + 1 - rank)
    return float(covered.ppf(0.025)) / tested, float(covered.ppf(0.975)) / tested


def coverage_entry(
    calibration: Calibration, predicted: Array, score: Array, level: float = LEVEL
) -> dict[str, Any]:
    """Return the fields of the results on intervals: level, half width, coverage and mean width.

    Args:
        calibration: calibration of the model.
        predicted: (n,) predictions of images that were not used for calibration.
        score: (n,) scores of these images.
        level: level of the intervals.
    """
    half = calibration.half_width(level)
    if half.value is None:
        covered = width = Statistic(None, len(score), reason=half.reason)
        expected = None
    else:
        low, high = interval(predicted, half.value, calibration.lowest)
        covered = coverage(score, low, high)
        expected = expected_coverage(half.n, len(score), level) if len(score) else None
        mean = float(np.mean(high - low))
        width = (
            Statistic(mean, len(score))
            if math.isfinite(mean)
            else Statistic(None, len(score), reason="predictions are not finite")
        )
    return {
        "level": level,
        "half_width": half,
        "coverage": covered,
        "expected_coverage": expected,
        "mean_width": width,
    }


def percentile(predicted: Array, labels: Array) -> Array:
    """Return the share (0 to 100) of training labels below each prediction; ties count half.

    Predictions shrink towards the mean of the labels, so extreme percentiles are rarer than among
    labels.

    Args:
        predicted: (n,) predictions; NaN gives NaN.
        labels: (m,) training labels, ascending, m at least 1.
    """
    below = np.searchsorted(labels, predicted, side="left")
    upto = np.searchsorted(labels, predicted, side="right")
    shares = 50 * (below + upto) / len(labels)
    return np.where(np.isnan(predicted), np.nan, shares)


def thinned(labels: Array) -> Array:
    """Return labels in ascending order: all of up to 1,001, else evenly spaced order statistics.

    Percentiles among the thinned labels differ by at most 0.1 from percentiles among all labels.
    """
    ascending = np.sort(labels)
    if len(ascending) <= MOST_LABELS:
        return ascending
    ranks = np.linspace(0, len(ascending) - 1, MOST_LABELS).round().astype(int)
    return np.asarray(ascending[ranks])
