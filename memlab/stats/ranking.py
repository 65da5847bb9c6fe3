"""Rankings of features, with bootstrap intervals of the ranks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from scipy import stats

from memlab.stats.bootstrap import Bootstrap
from memlab.stats.intervals import LEVEL


@dataclass(frozen=True)
class Place:
    """Rank of a feature among others, or the reason why it has none.

    Args:
        name: name of the feature.
        rank: 1 for the largest value; ties have mean ranks.
        low: lower end of the interval of the rank.
        high: upper end of the interval of the rank.
        first: share of resamples on which the feature has the largest value; ties are shared.
        tier: 1 for the highest; features of one tier are not distinguished.
        level: level of the interval.
        reason: why the feature has no rank.
    """

    name: str
    rank: float | None = None
    low: float | None = None
    high: float | None = None
    first: float | None = None
    tier: int | None = None
    level: float | None = None
    reason: str | None = None

    def describe(self) -> dict[str, Any]:
        """Return the fields as plain data."""
        return asdict(self)


def ranking(bootstrapped: Bootstrap, names: Sequence[str], level: float = LEVEL) -> list[Place]:
    """Rank features by their values, with intervals of the ranks.

    The features are ranked on every resample. The interval of a rank contains the middle `level` of
    these ranks, rounded outwards to whole ranks (Efron & Tibshirani 1993; see Hall & Miller 2009 on
    its limits near ties). Going down the order, a new tier starts where the percentile interval of
    the paired difference between a feature and the feature just above excludes 0. Neighbours in one
    tier are not distinguished, but the first and last feature of a long tier may differ.

    Args:
        bootstrapped: bootstrap that contains all features.
        names: names of the ranked estimates.
        level: level of the intervals.

    Returns:
        The features, largest value first; features without an interval last, with the reason.
    """
    # A feature without an interval is undefined on many resamples; ranking it on the other
    # resamples would be biased in its favour.
    intervals = {name: bootstrapped[name].interval() for name in names}
    ranked = [name for name in names if intervals[name].low is not None]
    unranked = [Place(name, reason=intervals[name].reason) for name in names if name not in ranked]
    if not ranked:
        return unranked
    draws = np.stack([bootstrapped[name].draws for name in ranked], axis=1)
    draws = draws[np.isfinite(draws).all(axis=1)]
    if len(draws) == 0:
        reason = "on no resample are all features defined"
        return [Place(name, reason=reason) for name in ranked] + unranked
    values = np.array([bootstrapped[name].statistic.value for name in ranked], dtype=float)
    ranks = stats.rankdata(-values)
    drawn = stats.rankdata(-draws, axis=1)
    ends = (1 - level) / 2, (1 + level) / 2
    low = np.floor(np.quantile(drawn, ends[0], axis=0, method="lower"))
    high = np.ceil(np.quantile(drawn, ends[1], axis=0, method="higher"))
    largest = draws == draws.max(axis=1, keepdims=True)
    first = (largest / largest.sum(axis=1, keepdims=True)).mean(axis=0)
    order = np.argsort(-values, kind="stable")
    tiers = [1]
    for above, below in pairwise(order):
        lower, upper = np.quantile(draws[:, above] - draws[:, below], ends)
        tiers.append(tiers[-1] + int(not lower <= 0 <= upper))
    return [
        Place(
            ranked[at],
            float(ranks[at]),
            float(low[at]),
            float(high[at]),
            float(first[at]),
            tier,
            level,
        )
        for at, tier in zip(order, tiers, strict=True)
    ] + unranked
