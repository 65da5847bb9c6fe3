"""The bootstrap over images: one set of resamples for all that is estimated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from memlab.stats.blocks import AnyEstimate, blocks_of
from memlab.stats.correlations import Correlations
from memlab.stats.intervals import LEVEL, Kind, Resampled, acceleration
from memlab.stats.measures import Array, Statistic, constant
from memlab.stats.resampling import resamples_of

RESAMPLES = 10_000


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

    Raises:
        ValueError: if estimates are of different numbers of images.
    """
    found: dict[str, Resampled] = {}
    usable: dict[str, AnyEstimate] = {}
    for name, estimate in estimates.items():
        statistic = point(estimate, weights)
        found[name] = Resampled(statistic, np.empty(0))
        if statistic.value is not None and statistic.reason is None:
            usable[name] = estimate
    sizes = {size_of(estimate) for estimate in usable.values()}
    if len(sizes) > 1:
        raise ValueError(f"estimates of {sorted(sizes)} images: all must have the same")
    if usable:
        blocks = blocks_of(usable, weights)
        drawn: dict[str, list[Array]] = {name: [] for name in usable}
        (n,) = sizes
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
            reason = "no eligible image"
        if reason is None and not np.isfinite(estimate.columns).all():
            reason = "predictions are not finite"
    if reason is not None:
        return Statistic(None, bearing, reason=reason)
    (block,) = blocks_of({"": estimate}, weights)
    value = float(block.values(np.ones((1, n)))[""][0])
    if not np.isfinite(value):
        return Statistic(None, bearing, reason="not defined on these images")
    short = f"no interval: only {bearing} image{'s' * (bearing > 1)}" if bearing < 3 else None
    return Statistic(value, bearing, reason=short)


def _no_correlation(predicted: Array, score: Array) -> str | None:
    if len(score) == 0:
        return "no eligible image"
    if len(score) < 3:
        return f"only {len(score)} image{'s' * (len(score) > 1)}"
    if not np.isfinite(predicted).all():
        return "predictions are not finite"
    if not np.isfinite(score).all():
        return "scores are missing"
    if constant(score):
        return "scores are constant"
    if any(constant(column) for column in predicted.T):
        return "predictions are constant"
    return None
