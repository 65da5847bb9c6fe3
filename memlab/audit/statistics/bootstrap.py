"""The bootstrap over images: one set of resamples for all that is estimated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from memlab.audit.statistics.correlations import Correlations, Ranked
from memlab.audit.statistics.estimate import Estimate
from memlab.audit.statistics.intervals import LEVEL, Kind, Resampled, acceleration
from memlab.audit.statistics.resampling import resamples_of
from memlab.metrics.functional import Array, Statistic, constant

RESAMPLES = 10_000
AnyEstimate = Estimate | Correlations


@dataclass(frozen=True)
class Bootstrap:
    """What the resamples say of each estimate; `draws` of different estimates are paired.

    Args:
        resampled: by name.
    """

    resampled: dict[str, Resampled]

    def __getitem__(self, name: str) -> Resampled:
        return self.resampled[name]

    @property
    def statistics(self) -> dict[str, Statistic]:
        """Each estimate with its interval."""
        return {name: one.interval() for name, one in self.resampled.items()}

    @property
    def draws(self) -> dict[str, Array]:
        """Values on the resamples, (resamples,), of those estimates that have any."""
        return {name: one.draws for name, one in self.resampled.items() if len(one.draws)}


def bootstrap(
    estimates: Mapping[str, AnyEstimate],
    seed: int,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
    weights: Array | None = None,
    strata: Array | None = None,
    kind: Kind = "BCa",
) -> Bootstrap:
    """Resample the images, and compute every estimate on each resample.

    All estimates are of the same images in the same order, and see the same resamples: whatever is
    computed from the draws of several (differences, ranks) is paired. A resample is how often it
    holds each image; the means of all columns on many resamples are one matrix product. Memory does
    not grow with the number of resamples but for the draws themselves.

    Args:
        estimates: by name.
        seed: of the resampling.
        resamples: how many.
        level: of the intervals.
        weights: (n,) inverse-inclusion weights of a stratified sample: means become
            Σ w x / Σ w, and mid-ranks weighted ones.
        strata: (n,) strata that images were sampled from; each is resampled by itself.
        kind: BCa (Efron 1987) or percentile intervals.

    Returns:
        A result for every name; one without a value or an interval says why.
    """
    found: dict[str, Resampled] = {}
    usable: dict[str, AnyEstimate] = {}
    for name, estimate in estimates.items():
        statistic = point(estimate, weights)
        found[name] = Resampled(statistic, np.empty(0))
        if statistic.value is not None and statistic.reason is None:
            usable[name] = estimate
    if usable:
        blocks = blocks_of(usable, weights)
        drawn: dict[str, list[Array]] = {name: [] for name in usable}
        n = size_of(next(iter(usable.values())))
        for counts in resamples_of(n, seed, resamples, strata):
            for block in blocks:
                for name, values in block.values(counts).items():
                    drawn[name].append(values)
        for block in blocks:
            for name, influence in block.influences().items():
                found[name] = Resampled(
                    found[name].statistic,
                    np.concatenate(drawn[name]),
                    acceleration(influence, strata) if kind == "BCa" else 0.0,
                    kind,
                    level=level,
                )
    return Bootstrap(found)


def size_of(estimate: AnyEstimate) -> int:
    """How many images an estimate has, those that do not bear on it included."""
    return len(estimate.score if isinstance(estimate, Correlations) else estimate.columns)


def point(estimate: AnyEstimate, weights: Array | None = None) -> Statistic:
    """The value of an estimate without an interval, or the reason why it has none.

    With fewer than three images that bear on it, a mean keeps its value and says why there will be
    no interval; a correlation has none.

    Args:
        estimate: what is wanted.
        weights: (n,) inverse-inclusion weights.
    """
    n = size_of(estimate)
    if isinstance(estimate, Correlations):
        among = slice(None) if estimate.among is None else estimate.among
        predicted, score = estimate.predicted[among], estimate.score[among]
        bearing = len(score)
        reason = estimate.reason or _no_correlation(predicted, score)
    else:
        bearing = n if estimate.n is None else estimate.n
        reason = estimate.reason
        if reason is None and (n == 0 or bearing == 0):
            reason = "no eligible picture"
        if reason is None and not np.isfinite(estimate.columns).all():
            reason = "predictions are not finite"
    if reason is not None:
        return Statistic(None, bearing, reason=reason)
    (block,) = blocks_of({"": estimate}, weights)
    value = float(block.values(np.ones((1, n)))[""][0])
    if not np.isfinite(value):
        return Statistic(None, bearing, reason="not defined on these pictures")
    short = f"no interval: only {bearing} picture{'s' * (bearing > 1)}" if bearing < 3 else None
    return Statistic(value, bearing, reason=short)


def _no_correlation(predicted: Array, score: Array) -> str | None:
    if len(score) == 0:
        return "no eligible picture"
    if len(score) < 3:
        return f"only {len(score)} picture{'s' * (len(score) > 1)}"
    if not np.isfinite(predicted).all():
        return "predictions are not finite"
    if not np.isfinite(score).all():
        return "scores are missing"
    if constant(score):
        return "scores are constant"
    if any(constant(column) for column in predicted.T):
        return "predictions are constant"
    return None


class Means:
    """Estimates from means, their columns side by side.

    Args:
        estimates: by name, all of the same images.
        weights: (n,) inverse-inclusion weights.
    """

    def __init__(self, estimates: Mapping[str, Estimate], weights: Array | None) -> None:
        self._estimates = estimates
        columns = np.concatenate([one.columns for one in estimates.values()], axis=1, dtype=float)
        n = len(columns)
        self._weights = np.ones(n) if weights is None else weights
        self._plain = weights is None
        # centred: their sums are small, and so is what rounding takes from them
        self._means = self._weights @ columns / self._weights.sum()
        self._centred = columns - self._means
        if weights is not None:
            self._centred *= weights[:, None]
        self._centred = np.asfortranarray(self._centred)  # a third faster in the product

    def values(self, counts: Array) -> dict[str, Array]:
        """Each estimate on (B, n) counts: (B,)."""
        total = counts.shape[1] if self._plain else (counts @ self._weights)[:, None]
        return self._of(self._means + counts @ self._centred / total)

    def influences(self) -> dict[str, Array]:
        """Each estimate less its value without each image, (n,), up to a constant."""
        left = self._weights.sum() - self._weights
        with np.errstate(invalid="ignore", divide="ignore"):
            without = self._of(self._means - self._centred / left[:, None])
        return {name: _finite(-values) for name, values in without.items()}

    def _of(self, means: Array) -> dict[str, Array]:
        found, start = {}, 0
        for name, estimate in self._estimates.items():
            end = start + estimate.columns.shape[1]
            with np.errstate(all="ignore"):  # undefined on a resample: NaN
                found[name] = np.asarray(estimate.of(means[:, start:end]), dtype=float)
            start = end
        return found


class RankCorrelations:
    """Estimates from rank correlations with the same scores of the same images.

    Args:
        estimates: by name.
        weights: (n,) inverse-inclusion weights.
    """

    def __init__(self, estimates: Mapping[str, Correlations], weights: Array | None) -> None:
        self._estimates = estimates
        self._weights = weights
        first = next(iter(estimates.values()))
        predicted = np.concatenate([one.predicted for one in estimates.values()], axis=1)
        self._ranked = Ranked(first.score, predicted, first.among)

    def values(self, counts: Array) -> dict[str, Array]:
        """Each estimate on (B, n) counts: (B,)."""
        return self._of(
            self._ranked.rho(counts if self._weights is None else counts * self._weights)
        )

    def influences(self) -> dict[str, Array]:
        """Each estimate less its value without each image, (n,), up to a constant."""
        weights = np.ones(self._ranked.n) if self._weights is None else self._weights
        without = self._ranked.rho(weights[None]) - self._ranked.influence(weights)
        return {name: _finite(-values) for name, values in self._of(without).items()}

    def _of(self, rhos: Array) -> dict[str, Array]:
        found, start = {}, 0
        for name, estimate in self._estimates.items():
            end = start + estimate.predicted.shape[1]
            found[name] = np.asarray(estimate.of(rhos[:, start:end]), dtype=float)
            start = end
        return found


def blocks_of(
    estimates: Mapping[str, AnyEstimate], weights: Array | None
) -> Sequence[Means | RankCorrelations]:
    """Estimates that share a matrix product, or ranks of the same scores, computed together."""
    means = {name: one for name, one in estimates.items() if isinstance(one, Estimate)}
    shared: dict[tuple[bytes, bytes], dict[str, Correlations]] = {}
    for name, one in estimates.items():
        if isinstance(one, Correlations):
            among = b"" if one.among is None else one.among.tobytes()
            shared.setdefault((one.score.tobytes(), among), {})[name] = one
    blocks: list[Means | RankCorrelations] = [Means(means, weights)] if means else []
    return blocks + [RankCorrelations(each, weights) for each in shared.values()]


def _finite(values: Array) -> Array:
    """An image without which there is no estimate says nothing of its skewness."""
    good = np.isfinite(values)
    usual = values[good].mean() if good.any() else 0.0
    return np.where(good, values, usual)
