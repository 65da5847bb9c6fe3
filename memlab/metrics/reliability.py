"""How well the scores themselves are known, and how high a perfect model can score."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from memlab.metrics.functional import CORES, Array, Statistic, constant

FROM_COUNTS = "from counts alone; split halves of people need per-person responses"


@dataclass(frozen=True)
class Reliability:
    """How well hit rates agree with themselves.

    Args:
        half: Spearman's correlation of two random halves of each picture's responses.
        full: the reliability of all responses, by Spearman-Brown: 2r / (1 + r).
        ceiling: the highest Spearman correlation that a perfect model can expect with these
            scores, the root of `full`.
        how: what the halves are halves of.
    """

    half: Statistic
    full: Statistic
    ceiling: Statistic
    how: str


def spearman_brown(half: float) -> float:
    """Reliability of a whole from the correlation of its halves (Spearman 1910, Brown 1910)."""
    return 2 * half / (1 + half)


def reliability_from_counts(hits: Array, n: Array, seed: int, draws: int = 500) -> Reliability:
    """Reliability of hit rates hits / n when all that is known are the two counts.

    Each draw deals every picture's n responses into two halves at random, so that the hits of one
    are hypergeometric: exactly what halves of n independent answers would be. People who differ in
    memory, or answer at different lags, are not in the counts; halves of people can agree less.

    Args:
        hits: (pictures,) correct recognitions.
        n: (pictures,) responses; pictures with fewer than two are left out.
        seed: of the draws.
        draws: how many times the responses are dealt.

    Returns:
        The mean over draws; intervals hold 95 % of the draws, they are not over pictures.
    """
    usable = np.isfinite(hits) & np.isfinite(n) & (n >= 2) & (hits >= 0) & (hits <= n)
    hit, count = hits[usable].astype(np.int64), n[usable].astype(np.int64)
    pictures = len(hit)
    if pictures < 3:
        return _none(pictures, f"only {pictures} pictures with two responses or more")
    if constant(hit / count):
        return _none(pictures, "all hit rates are equal")
    rng = np.random.default_rng(seed)
    first = count // 2
    drawn = np.empty(draws)
    with np.errstate(invalid="ignore", divide="ignore"):  # a half may happen to be constant
        for draw in range(draws):
            one = rng.hypergeometric(hit, count - hit, first)
            other = (hit - one) / (count - first)
            drawn[draw] = CORES["spearman"](one / first, other)
    drawn = drawn[np.isfinite(drawn)]
    mean = float(drawn.mean()) if len(drawn) else 0.0
    if mean <= 0:
        return _none(pictures, "the halves do not agree: the scores hold no signal")
    low, high = (max(0.0, float(end)) for end in np.quantile(drawn, [0.025, 0.975]))

    method = f"mean of {len(drawn)} random halves; the interval holds 95 % of them"

    def statistic(of_half: Callable[[float], float]) -> Statistic:
        value, *ends = (of_half(end) for end in (mean, low, high))
        return Statistic(value, pictures, ends[0], ends[1], 0.95, method)

    return Reliability(
        half=statistic(float),
        full=statistic(spearman_brown),
        ceiling=statistic(lambda half: spearman_brown(half) ** 0.5),
        how=FROM_COUNTS,
    )


def _none(pictures: int, reason: str) -> Reliability:
    nothing = Statistic(None, pictures, reason=reason)
    return Reliability(nothing, nothing, nothing, FROM_COUNTS)
