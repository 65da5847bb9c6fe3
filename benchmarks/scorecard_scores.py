"""Scores of auditing methods against the truth: arithmetic on cells, without models or files.

A cell is one cause in one network: its true share of the predictions' variance, what a method
estimated, and what the method claimed. A cell is real if its true size is at least the smallest
effect of interest, and null if it is below half of it; cells between are neither.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy import stats

from memlab.analysis.quantities import SESOI, SESOI_T

RESAMPLES = 2000
STRENGTHS = (SESOI, 0.1, 0.2, 0.4, np.inf)
"""Ends of the classes of true size, in SDs, for the power."""


@dataclass(frozen=True)
class Cell:
    """One cause in one network, as one method sees it.

    Args:
        net: name of the network.
        world: its world.
        cause: the cause, as the renderer calls it.
        share: true share of the predictions' variance, G_res.
        low: lower end of its interval.
        high: upper end.
        size: true size where present, in SDs of the predictions.
        estimate: what the method gives; None if it gives nothing.
        estimate_low: lower end of the method's interval; None without.
        estimate_high: upper end.
        claim: relies, does not rely, or cannot tell; None if the method makes no claims.
    """

    net: str
    world: str
    cause: str
    share: float
    low: float
    high: float
    size: float
    estimate: float | None
    estimate_low: float | None = None
    estimate_high: float | None = None
    claim: str | None = None

    @property
    def real(self) -> bool:
        """Whether the network relies on the cause."""
        return self.size >= SESOI

    @property
    def null(self) -> bool:
        """Whether the network does not rely on the cause."""
        return self.size < SESOI / 2

    @property
    def meets(self) -> bool | None:
        """Whether the method's interval meets the truth's; None without an interval."""
        if self.estimate_low is None or self.estimate_high is None:
            return None
        return self.estimate_low <= self.high and self.estimate_high >= self.low

    @property
    def agrees(self) -> bool | None:
        """Return whether the intervals meet, or both lie below the smallest share of interest."""
        if self.estimate_high is not None and max(self.estimate_high, self.high) < SESOI_T:
            return True
        return self.meets


@dataclass(frozen=True)
class Share:
    """Share of cases with its exact interval."""

    hits: int
    n: int
    value: float | None
    low: float | None
    high: float | None


def exact(hits: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """Return the Clopper-Pearson interval of a share; counts may be effective ones.

    >>> [round(end, 4) for end in exact(8, 10)]
    [0.4439, 0.9748]
    """
    tail = (1 - level) / 2
    low = 0.0 if hits <= 0 else float(stats.beta.ppf(tail, hits, n - hits + 1))
    high = 1.0 if hits >= n else float(stats.beta.ppf(1 - tail, hits + 1, n - hits))
    return low, high


def share_of(outcomes: Sequence[bool], clusters: Sequence[str] | None = None) -> Share:
    """Return a share with its exact interval, allowing for clusters.

    With clusters, the interval is that of the effective number of cases, n / (1 + (m - 1) ICC), at
    most n (Korn & Graubard 1998). m is the mean size of a cluster, weighted by size, and ICC the
    correlation within clusters from a one-way analysis of variance.

    Args:
        outcomes: one per case.
        clusters: cluster of each case.
    """
    n, hits = len(outcomes), int(sum(outcomes))
    if n == 0:
        return Share(0, 0, None, None, None)
    effective = n / _design_effect(np.asarray(outcomes, float), clusters) if clusters else n
    return Share(hits, n, hits / n, *exact(hits * effective / n, effective))


def _design_effect(outcomes: np.ndarray, clusters: Sequence[str]) -> float:
    groups = [outcomes[np.asarray(clusters) == name] for name in sorted(set(clusters))]
    n, k = len(outcomes), len(groups)
    sizes = np.array([len(group) for group in groups])
    if k < 2 or n == k or outcomes.min() == outcomes.max():
        return 1.0
    within = sum(((group - group.mean()) ** 2).sum() for group in groups) / (n - k)
    means = np.array([group.mean() for group in groups])
    between = (sizes * (means - outcomes.mean()) ** 2).sum() / (k - 1)
    typical = (n - (sizes**2).sum() / n) / (k - 1)
    total = between + (typical - 1) * within
    correlation = (between - within) / total if total > 0 else 0.0
    return max(1.0, 1.0 + ((sizes**2).sum() / n - 1.0) * correlation)


def over_nets(
    statistic: Callable[[Sequence[Cell]], float], cells: Sequence[Cell], seed: int = 0
) -> tuple[float | None, float | None, float | None]:
    """Return a statistic of cells with a bootstrap interval over networks."""
    by_net: dict[str, list[Cell]] = {}
    for cell in cells:
        by_net.setdefault(cell.net, []).append(cell)
    value = statistic(cells) if cells else np.nan
    if not np.isfinite(value):
        return None, None, None
    if len(by_net) < 2:
        return float(value), None, None
    rng, groups = np.random.default_rng(seed), list(by_net.values())
    drawn = [
        statistic([cell for index in picks for cell in groups[index]])
        for picks in rng.integers(0, len(groups), (RESAMPLES, len(groups)))
    ]
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    return float(value), float(low), float(high)


def estimated(cells: Sequence[Cell]) -> list[Cell]:
    """Return the cells that a method has an estimate for."""
    return [cell for cell in cells if cell.estimate is not None and np.isfinite(cell.estimate)]


def spearman(cells: Sequence[Cell]) -> float:
    """Return Spearman's ρ of estimates with true shares."""
    if len(cells) < 3 or len({cell.estimate for cell in cells}) < 2:
        return float("nan")
    pairs = np.array([[cell.estimate, cell.share] for cell in cells], dtype=float)
    ranks = stats.rankdata(pairs, axis=0)
    return float(np.corrcoef(ranks.T)[0, 1])


def tau(cells: Sequence[Cell], threshold: float | None = SESOI_T) -> float | None:
    """Return Kendall's τ_b of one network's causes, with nulls tied.

    Causes below the smallest effect of interest are tied in the truth. Estimates below `threshold`
    are tied as well. None with fewer than three real causes.

    Args:
        cells: the cells of one network; those without an estimate count as estimated 0.
        threshold: smallest estimate of interest; None for a method without a unit.
    """
    if sum(cell.real for cell in cells) < 3:
        return None
    true = [cell.share if cell.real else 0.0 for cell in cells]
    found = [cell.estimate if cell.estimate is not None else 0.0 for cell in cells]
    if threshold is not None:
        found = [value if value >= threshold else 0.0 for value in found]
    value = float(stats.kendalltau(true, found).statistic)
    return None if np.isnan(value) else value


def slope_and_error(cells: Sequence[Cell]) -> tuple[float | None, float | None]:
    """Return the least-squares slope of estimates on true shares, and their RMSE."""
    if len(cells) < 3:
        return None, None
    true = np.array([cell.share for cell in cells])
    found = np.array([cell.estimate for cell in cells], dtype=float)
    slope = float(np.polyfit(true, found, 1)[0]) if np.ptp(true) > 0 else None
    return slope, float(np.sqrt(np.mean((found - true) ** 2)))


def best(cells: Sequence[Cell], tolerance: float = 0.0) -> set[str]:
    """Return the causes of one network with the largest true share.

    Args:
        cells: the cells of one network.
        tolerance: causes that are smaller by at most this share count as well.
    """
    largest = max(cell.share for cell in cells)
    return {cell.cause for cell in cells if cell.share >= (1 - tolerance) * largest}


def chosen(cells: Sequence[Cell]) -> str | None:
    """Return the cause of one network that the method ranks first; None without any estimate."""
    ranked = estimated(cells)
    if not ranked:
        return None
    return max(ranked, key=lambda cell: cell.estimate or 0.0).cause


def power(cells: Sequence[Cell]) -> list[tuple[float, float, Share]]:
    """Return the share of "relies" among real cells, by true size in SDs."""
    lines = []
    for low, high in pairwise(STRENGTHS):
        there = [cell for cell in cells if low <= cell.size < high]
        share = share_of([cell.claim == "relies" for cell in there], [cell.net for cell in there])
        lines.append((low, float(high), share))
    return lines
