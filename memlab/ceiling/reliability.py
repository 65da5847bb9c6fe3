"""How well the scores themselves are known, and how high a perfect model can score."""

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
    """How well scores agree with themselves, and what that leaves a perfect model.

    Args:
        half: correlation of the scores in two random halves; no Spearman-Brown correction.
        full: the reliability of the scores of all responses, by Spearman-Brown: 2r / (1 + r).
        ceiling: the highest correlation that a perfect model can expect with the scores of all
            responses, the root of `full`.
        half_ceiling: the same with scores from one half, the root of `half`.
        how: what the halves are halves of.
    """

    half: Statistic
    full: Statistic
    ceiling: Statistic
    half_ceiling: Statistic
    how: str


def over_images(
    reliability: float, images: int, responses: float, level: float = 0.95
) -> tuple[float, float]:
    """Where a reliability lies if the images are a sample of others: Feldt's interval.

    (1 - true) / (1 - found) is F distributed with images - 1 and (images - 1) (responses - 1)
    degrees of freedom (Feldt 1965, Psychometrika 30): exact for normal answers whose noise
    is that of one person as of another, good for answers of 0 and 1. Random halves of the same
    answers do not show this: with few images chance alone makes halves agree.

    Args:
        reliability: of all answers, by Pearson's correlation and Spearman-Brown.
        images: how many, at least 2.
        responses: per image, above 1.
        level: of the interval.

    Returns:
        Its ends; the lower one may lie below 0.
    """
    degrees = (images - 1, (images - 1) * (responses - 1))
    least, most = (
        float(stats.f.ppf(share, *degrees)) for share in ((1 - level) / 2, (1 + level) / 2)
    )
    return 1 - (1 - reliability) * most, 1 - (1 - reliability) * least


def spearman_brown(half: float, times: float = 2) -> float:
    """Reliability of `times` as many responses: kr / (1 + (k - 1) r) (Spearman 1910, Brown 1910).

    Args:
        half: reliability of the responses there are; the correlation of two halves for one half.
        times: how many times as many responses; 2 goes from halves to the whole.
    """
    return times * half / (1 + (times - 1) * half)


def from_halves(drawn: Array, images: int, how: str) -> Reliability:
    """What correlations of random halves say together.

    Args:
        drawn: (halves,) correlations, NaN where a half happened to be constant.
        images: how many images they are over.
        how: what the halves are halves of.

    Returns:
        The mean over halves, Spearman-Brown and roots of that mean; intervals hold 95 % of the
        halves, they are not over images. Null where the mean is not above zero.
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
    """Reliability of hit rates hits / n when all that is known are the two counts.

    The binomial simulation: all answers to an image are taken for independent, and dealt into two
    halves at random; see `halves_of_counts`. (Binomial draws round hits / n would count the noise
    in hits / n as signal, and promise too much.)

    Where the same people answer to many images, and some remember more than others, halves of
    *people* agree more than this: whoever is good is good at every image, and a common shift
    leaves correlations alone. Counts that hold several answers of one person to an image promise
    too much.

    Args:
        hits: (images,) correct recognitions.
        n: (images,) responses; images with fewer than two are left out.
        seed: of the draws.
        draws: how many times the responses are dealt.

    Returns:
        The mean over draws; intervals hold 95 % of the draws, they are not over images.
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
    """Null, with the reason, in every place."""
    nothing = Statistic(None, images, reason=reason)
    return Reliability(nothing, nothing, nothing, nothing, how)


def reliability_of_rows(rows: pd.DataFrame) -> Reliability | None:
    """Return the reliability of the hit rates of a table, or None without counts.

    Args:
        rows: of a table; the columns `hits` and `n` are read.
    """
    if not {"hits", "n"} <= set(rows.columns):
        return None
    hits, n = (rows[name].to_numpy(dtype=float) for name in ("hits", "n"))
    return reliability_from_counts(hits, n, seed_of(0, "data check", "halves"))
