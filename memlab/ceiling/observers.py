"""Binomial model: reliability of scores of n observers, and the number of observers required."""

from __future__ import annotations

import math

import numpy as np

from memlab.ceiling.reliability import Reliability, no_reliability, spearman_brown
from memlab.errors import MemlabError
from memlab.stats.measures import Array, Statistic, constant

MODEL = "a model, no data on agreement: binomial noise of the observers, σ²/(σ² + p(1 − p)/n)"


def reliability_of_mean(p: float, sd: float, n: float) -> float:
    """Return the reliability of hit rates of n observers: sd² / (sd² + p (1 - p) / n).

    True scores have SD `sd` and mean `p`, and each observer's answer is an independent draw. The
    square root is the correlation that a perfect model can expect. LaMem and MemCat have p of about
    .76 and sd .13: 20 observers give .65, and a perfect model .81. (The noise is that of an image
    at the mean. Averaged over images, the noise is smaller by sd² / n, and 20 observers give .67.)

    Args:
        p: mean of the true scores, 0 to 1.
        sd: SD of the true scores between images, without the observers' noise.
        n: number of observers of each image.

    Raises:
        MemlabError: if no scores between 0 and 1 have this mean and SD.
    """
    _require(p, sd)
    if not n > 0:
        raise MemlabError(f"{n} observers: at least one")
    return sd**2 / (sd**2 + p * (1 - p) / n)


def observers_needed(p: float, sd: float, reliability: float) -> int:
    """Return the smallest number of observers per image for a reliability of the hit rates.

    This is the inverse of `reliability_of_mean`.

    Args:
        p: mean of the true scores, 0 to 1.
        sd: SD of the true scores between images, above 0.
        reliability: required reliability, above 0 and below 1.

    Raises:
        MemlabError: if no scores between 0 and 1 have this mean and SD, or no number suffices.
    """
    _require(p, sd)
    if not 0 < reliability < 1 or sd == 0:
        raise MemlabError(f"no number of observers gives a reliability of {reliability} at SD {sd}")
    needed = reliability / (1 - reliability) * p * (1 - p) / sd**2
    return max(1, math.ceil(needed - 1e-9))


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


def _require(p: float, sd: float) -> None:
    if not 0 < p < 1 or not 0 <= sd <= (p * (1 - p)) ** 0.5:
        raise MemlabError(f"scores between 0 and 1 cannot have mean {p} and SD {sd}")
