"""Hypotheses of the protocol beside the measured order: Kendall's τ_b, and every ordered pair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

from memlab.audit.protocol import Hypothesis
from memlab.audit.result import HypothesisResult, OrderedPair, Outcome
from memlab.audit.semantic import derived
from memlab.audit.shares import Shares
from memlab.stats import LEVEL
from memlab.stats.intervals import Resampled
from memlab.stats.measures import Array, Statistic


def hypothesis_result(
    hypothesis: Hypothesis,
    shares: Shares,
    stands_in: Mapping[str, str],
    sesoi_t: float,
    level: float = LEVEL,
) -> HypothesisResult:
    """Return a hypothesis with its τ_b and the outcome of every pair that it orders.

    A pair is decided if the interval of the paired difference of T excludes 0; see `Shares.alike`.
    τ_b is over the
    features with a T; those below the smallest T of interest are tied, and so are the features of
    one group.

    Args:
        hypothesis: the hypothesis.
        shares: T of the features.
        stands_in: feature that cannot be measured to the feature that takes its place.
        sesoi_t: smallest T of interest.
        level: level of the intervals.
    """
    order = [[stands_in.get(name, name) for name in group] for group in hypothesis.order]
    pairs = [
        _pair(first, second, shares, level)
        for higher, lower in combinations(order, 2)
        for first in higher
        for second in lower
    ]
    names = [name for group in order for name in group]
    return HypothesisResult(
        hypothesis.name,
        hypothesis.claim,
        hypothesis.words,
        order,
        {
            name: shares.without.get(name, "not in the protocol")
            for name in names
            if name not in shares.of
        },
        _tau(order, shares.of, sesoi_t, level),
        pairs,
        _sentence(hypothesis.name, pairs),
    )


def kendall(predicted: Array, values: Array) -> Array:
    """Return Kendall's τ_b of one order with each row of values; NaN where all values are tied.

    Args:
        predicted: (k,) predicted ranks, larger for a larger predicted value.
        values: (..., k) measured values.
    """
    first, second = np.triu_indices(len(predicted), 1)
    expected = np.sign(predicted[first] - predicted[second])
    found = np.sign(values[..., first] - values[..., second])
    untied = np.sqrt((expected**2).sum() * (found**2).sum(axis=-1))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(untied > 0, (found * expected).sum(axis=-1) / untied, np.nan))


def _tau(
    order: Sequence[Sequence[str]], shares: Mapping[str, Resampled], sesoi_t: float, level: float
) -> Statistic:
    ranks = {
        name: float(-index) for index, group in enumerate(order) for name in group if name in shares
    }
    if len(set(ranks.values())) < 2:
        return Statistic(None, 0, reason="fewer than two groups have a feature with a T")
    predicted = np.array(list(ranks.values()))

    def tau(*values: Array) -> Array:
        return kendall(predicted, np.maximum(np.stack(values, axis=-1), sesoi_t))

    parts = [shares[name] for name in ranks]
    n = min(part.statistic.n for part in parts)
    found = derived(tau, parts, n, level).interval()
    if found.value is None:
        return Statistic(None, n, reason="all T are below the smallest T of interest")
    return found


def _pair(first: str, second: str, shares: Shares, level: float) -> OrderedPair:
    missing = " and ".join(name for name in (first, second) if name not in shares.of)
    if missing:
        none = Statistic(None, 0, reason=f"no T of {missing}")
        return OrderedPair(first, second, "cannot tell", none)
    parts = shares.alike(first, second)
    n = min(part.statistic.n for part in parts)
    difference = derived(lambda a, b: a - b, parts, n, level).interval()
    outcome: Outcome = "open"
    if difference.low is not None and difference.low > 0:
        outcome = "as predicted"
    elif difference.high is not None and difference.high < 0:
        outcome = "reversed"
    return OrderedPair(first, second, outcome, difference, shares.differ(first, second))


def _sentence(name: str, pairs: Sequence[OrderedPair]) -> str:
    counts = {
        outcome: sum(pair.outcome == outcome for pair in pairs)
        for outcome in ("as predicted", "reversed", "open", "cannot tell")
    }
    words = ", ".join(f"{count} {outcome}" for outcome, count in counts.items() if count)
    return f"Of the {len(pairs)} pairs that {name} orders: {words}."
