"""Reliability of scores, and the highest correlation that a perfect model can expect."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from memlab.ceiling.halves import halves_of_counts
from memlab.seeds import seed_of
from memlab.stats import LEVEL
from memlab.stats.measures import Array, Statistic, constant

FROM_COUNTS = (
    "binomial halves, dealt from counts alone; split halves of people need per-person responses"
)


@dataclass(frozen=True)
class Reliability:
    """Reliability of scores and the resulting noise ceiling.

    Args:
        half: correlation of the scores in two random halves, without Spearman-Brown correction.
        full: reliability of the scores from all responses, by Spearman-Brown: 2r / (1 + r).
        ceiling: highest correlation that a perfect model can expect with the scores from all
            responses, the root of `full`.
        half_ceiling: the same with scores from one half, the root of `half`.
        how: what was split into halves.
    """

    half: Statistic
    full: Statistic
    ceiling: Statistic
    half_ceiling: Statistic
    how: str


def over_images(
    reliability: float, images: int, responses: float, level: float = 0.95
) -> tuple[float, float]:
    """Return Feldt's interval of a reliability, if the images are a sample of a population.

    (1 - true) / (1 - estimate) follows an F distribution with images - 1 and (images - 1)
    (responses - 1) degrees of freedom (Feldt 1965, Psychometrika 30). This is exact for normal
    answers with equal noise for all people, and a good approximation for answers of 0 and 1. Random
    halves of the same answers do not show this uncertainty: with few images, halves may agree by
    chance.

    Args:
        reliability: reliability of all answers, by Pearson's correlation and Spearman-Brown.
        images: number of images, at least 2.
        responses: responses per image, above 1.
        level: level of the interval.

    Returns:
        Ends of the interval; the lower end may be below 0.
    """
    degrees = (images - 1, (images - 1) * (responses - 1))
    least, most = (
        float(stats.f.ppf(share, *degrees)) for share in ((1 - level) / 2, (1 + level) / 2)
    )
    return 1 - (1 - reliability) * most, 1 - (1 - reliability) * least


def spearman_brown(half: float, times: float = 2) -> float:
    """Return the reliability for `times` as many responses: kr / (1 + (k - 1) r).

    The formula is that of Spearman (1910) and Brown (1910).

    Args:
        half: reliability of the present responses; the correlation of two halves is that of a half.
        times: factor k on the number of responses; 2 converts from halves to the whole.
    """
    return times * half / (1 + (times - 1) * half)


def from_halves(drawn: Array, images: int, how: str) -> Reliability:
    """Summarise the correlations of random halves as a reliability.

    Args:
        drawn: (halves,) correlations, NaN where a half was constant.
        images: number of images.
        how: what was split into halves.

    Returns:
        The mean over halves, and Spearman-Brown and roots of that mean. Intervals contain 95 % of
        the halves; they do not cover the sampling of images. Null if the mean is not above zero.
    """
    drawn = drawn[np.isfinite(drawn)]
    if not len(drawn):
        reason = "in every pair of halves, scores are constant or of fewer than three images"
        return no_reliability(images, reason, how)
    mean = float(drawn.mean())
    if mean <= 0:
        reason = "no agreement of the halves was found"
        return no_reliability(images, reason, how)
    if len(drawn) < 2:
        method = "one random half; it has no interval"
        full = spearman_brown(mean)
        of_half, of_all, ceiling, half_ceiling = (
            Statistic(value, images, method=method) for value in (mean, full, full**0.5, mean**0.5)
        )
        return Reliability(of_half, of_all, ceiling, half_ceiling, how)
    low, high = (float(end) for end in np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]))
    method = f"mean of {len(drawn)} random halves; the interval holds 95 % of them"

    def statistic(of_half: Callable[[float], float]) -> Statistic:
        value, *ends = (of_half(max(0.0, end)) for end in (mean, low, high))
        return Statistic(value, images, ends[0], ends[1], LEVEL, method)

    return Reliability(
        half=Statistic(mean, images, low, high, LEVEL, method),
        full=statistic(spearman_brown),
        ceiling=statistic(lambda half: spearman_brown(half) ** 0.5),
        half_ceiling=statistic(lambda half: half**0.5),
        how=how,
    )


def reliability_from_counts(hits: Array, n: Array, seed: int, draws: int = 500) -> Reliability:
    """Estimate the reliability of hit rates hits / n from the two counts alone.

    The binomial simulation assumes that all answers to an image are independent, and splits them
    into two random halves; see `halves_of_counts`. (Binomial draws around hits / n would count the
    noise in hits / n as signal, and overestimate the reliability.)

    If the same people answer to many images, and some people remember more than others, halves of
    *people* agree more: differences between people shift all images alike, and a common shift does
    not change correlations. If the counts contain several answers of one person to an image, the
    reliability is overestimated.

    Args:
        hits: (images,) correct recognitions.
        n: (images,) responses; images with fewer than two are left out.
        seed: seed of the splits.
        draws: number of splits.

    Returns:
        The mean over splits; intervals contain 95 % of the splits and do not cover the sampling of
        images.
    """
    usable = np.isfinite(hits) & np.isfinite(n) & (n >= 2) & (hits >= 0) & (hits <= n)
    hit, count = hits[usable], n[usable]
    images = len(hit)
    if images < 3:
        reason = f"only {images} images with two responses or more"
        return no_reliability(images, reason, FROM_COUNTS)
    if constant(hit / count):
        return no_reliability(images, "all hit rates are equal", FROM_COUNTS)
    drawn = halves_of_counts(hit, count, seed, draws).spearman
    return from_halves(drawn, images, FROM_COUNTS)


def no_reliability(images: int, reason: str, how: str) -> Reliability:
    """Return a reliability whose statistics are all null, with the reason."""
    nothing = Statistic(None, images, reason=reason)
    return Reliability(nothing, nothing, nothing, nothing, how)


def reliability_of_rows(rows: pd.DataFrame) -> Reliability | None:
    """Return the reliability of the hit rates of a table, or None without counts.

    Args:
        rows: rows of a table; the columns `hits` and `n` are read.
    """
    if not {"hits", "n"} <= set(rows.columns):
        return None
    hits, n = (rows[name].to_numpy(dtype=float) for name in ("hits", "n"))
    return reliability_from_counts(hits, n, seed_of(0, "data check", "halves"))
