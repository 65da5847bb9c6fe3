"""Binomial model: reliability of scores from the number of observers, and what it implies."""

from __future__ import annotations

import numpy as np

from memlab.ceiling.reliability import Reliability, no_reliability, spearman_brown
from memlab.stats.measures import Array, Statistic, constant

MODEL = "a model, no data on agreement: binomial noise of the observers, σ²/(σ² + p(1 − p)/n)"


def times_as_many(now: float, wanted: float) -> float:
    """Return the factor on the number of responses that raises a reliability to another.

    This is Spearman-Brown's formula, solved for k.

    Args:
        now: reliability of the present scores, above 0 and below 1.
        wanted: required reliability, above 0 and below 1.
    """
    return wanted * (1 - now) / (now * (1 - wanted))


def least_mse(rho: float, variance: float) -> float:
    """Return the least mean squared error for a correlation of rho: (1 - rho²) variance.

    Calibrated predictions (slope 1, no shift) reach this error.

    Args:
        rho: Pearson's correlation of predictions and scores.
        variance: variance of the scores; about .0153 for LaMem.
    """
    return (1 - rho**2) * variance


def reliability_from_scores(score: Array, observers: float) -> Reliability:
    """Estimate the reliability of hit rates from the number of observers, by the binomial model.

    The variance of the scores includes the observers' noise, whose expectation is the mean over
    images of s (1 - s) / (n - 1). The rest is the variance of the true scores. The function is
    meant for hit rates, not for scores corrected for false alarms, which also include the noise of
    the false alarms.

    Args:
        score: (images,) hit rates, 0 to 1.
        observers: number of observers of each image, at least two.

    Returns:
        Reliability without intervals, because the model has no random halves.
    """
    images = len(score)
    if images < 3:
        return no_reliability(images, f"only {images} images", MODEL)
    if not np.isfinite(score).all():
        return no_reliability(images, "scores are missing", MODEL)
    if constant(score):
        return no_reliability(images, "all scores are equal", MODEL)
    if observers < 2:
        return no_reliability(images, "one observer has no noise to tell from signal", MODEL)
    variance = float(score.var(ddof=1))
    noise = float((score * (1 - score)).mean()) / (observers - 1)
    if variance <= noise:
        reason = (
            f"the scores spread no more (SD {variance**0.5:.3f}) than chance alone would spread "
            f"those of {observers:g} observers (SD {noise**0.5:.3f})"
        )
        return no_reliability(images, reason, MODEL)
    full = 1 - noise / variance
    half = spearman_brown(full, 0.5)
    of_half, of_all, ceiling, half_ceiling = (
        Statistic(value, images, method=MODEL) for value in (half, full, full**0.5, half**0.5)
    )
    return Reliability(of_half, of_all, ceiling, half_ceiling, MODEL)
