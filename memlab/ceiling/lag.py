"""Effect of the lag on memory: scores at one common lag (Khosla et al. 2015, section 3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memlab.errors import DataError
from memlab.stats.measures import Array

TOLERANCE = 1e-12
ROUNDS = 10_000


@dataclass(frozen=True)
class LagModel:
    """Memory as a linear function of the log lag: m_t = m_T + alpha log(t / T).

    Args:
        alpha: change of the hit rate per unit of the natural logarithm of the lag, the same for all
            images; negative if longer lags reduce memory.
        at: the lag T that scores are given for.
        scores: (images,) m_T of each image; NaN for an image without answers. The model is linear,
            so scores may leave [0, 1]; they are not clipped.
        rounds: number of updates.
    """

    alpha: float
    at: float
    scores: Array
    rounds: int

    def corrected(self, value: Array, lag: Array) -> Array:
        """Return each answer corrected to lag T, value - alpha log(lag / T).

        The mean over an image's corrected answers is its score.
        """
        return np.asarray(value - self.alpha * np.log(lag / self.at))


def fit_lag(
    image: NDArray[np.integer[Any]],
    value: Array,
    lag: Array,
    images: int,
    at: float = 100,
    images_equal: bool = True,
) -> LagModel:
    """Fit m_t = m_T + alpha log(t / T) by the paper's alternating updates, until convergence.

    Starting with m_T = each image's hit rate, alpha and all m_T are updated in turn, for about ten
    rounds.

    Args:
        image: (answers,) index of the image, 0 to images - 1.
        value: (answers,) 1 for a hit, 0 for a miss.
        lag: (answers,) images between showing and repeat (or seconds), above zero.
        images: number of images.
        at: the lag T.
        images_equal: whether each image has the same weight in alpha (its sums divided by its n),
            as in the printed update. Otherwise each answer has the same weight, which is least
            squares with a dummy per image, the error that the paper states. Both agree if every
            image has the same number of answers.

    Raises:
        DataError: if a lag or T is not above zero, or no image is repeated at two lags.
    """
    if not (np.isfinite(lag) & (lag > 0)).all() or not 0 < at < np.inf:
        raise DataError(
            "lags, and the lag T, must be above zero and finite: the model takes logarithms"
        )
    log = np.log(lag / at)
    n = np.bincount(image, minlength=images).astype(float)
    with np.errstate(invalid="ignore", divide="ignore"):  # NaN for an image without answers
        hit_rate = np.bincount(image, value, images) / n
        log_mean = np.bincount(image, log, images) / n
        weight = (1 / n if images_equal else np.ones(images))[image]
    if np.abs(log - log_mean[image]).max(initial=0) < 1e-9:
        raise DataError("no image comes back at two different lags: nothing tells what lag does")
    square = float((weight * log**2).sum())
    alpha, scores = 0.0, hit_rate
    for done in range(1, ROUNDS + 1):
        before = alpha
        alpha = float((weight * log * (value - scores[image])).sum()) / square
        scores = hit_rate - alpha * log_mean
        if abs(alpha - before) < TOLERANCE:
            return LagModel(alpha, at, scores, done)
    raise DataError(
        f"alpha still moves after {ROUNDS} rounds: choose a lag T among the lags, not {at:g}"
    )
