"""Bootstrap over images: one set of resamples for all estimates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from memlab.stats.blocks import AnyEstimate, blocks_of
from memlab.stats.correlations import Correlations
from memlab.stats.intervals import LEVEL, Kind, Resampled, acceleration
from memlab.stats.measures import Array, Statistic, constant
from memlab.stats.resampling import Strata, resamples_of

RESAMPLES = 10_000


@dataclass(frozen=True)
class Bootstrap:
    """Bootstrap results of all estimates; the `draws` of different estimates are paired.

    Args:
        resampled: results by name.
    """

    resampled: dict[str, Resampled]

    def __getitem__(self, name: str) -> Resampled:
        return self.resampled[name]

    @property
    def statistics(self) -> dict[str, Statistic]:
        """Each estimate with its interval."""
        return {name: resampled.interval() for name, resampled in self.resampled.items()}

    @property
    def draws(self) -> dict[str, Array]:
        """Values on the resamples, (resamples,), of the estimates that were resampled."""
        return {
            name: resampled.draws
            for name, resampled in self.resampled.items()
            if len(resampled.draws)
        }


def bootstrap(
    estimates: Mapping[str, AnyEstimate],
    seed: int,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
    weights: Array | None = None,
    strata: Strata | None = None,
    kind: Kind = "BCa",
) -> Bootstrap:
    """Resample the images, and compute every estimate on each resample.

    All estimates have the same images in the same order and use the same resamples, so functions of
    several estimates' draws (differences, ranks) are paired. A resample is stored as the number of
    times that it contains each image. The means of all columns on many resamples are one matrix
    product. Only the draws grow with the number of resamples; other memory does not.

    Args:
        estimates: estimates by name.
        seed: seed of the resampling.
        resamples: number of resamples.
        level: level of the intervals.
        weights: (n,) inverse-inclusion weights of a stratified sample: means become Σ w x / Σ w,
            and mid-ranks become weighted mid-ranks.
        strata: strata that the images were sampled from.
        kind: BCa (Efron 1987) or percentile intervals.

    Returns:
        A result for each name; a result without a value or an interval has a reason.

    Raises:
        ValueError: if estimates have different numbers of images.
    """
    resampled: dict[str, Resampled] = {}
    usable: dict[str, AnyEstimate] = {}
    for name, estimate in estimates.items():
        statistic = point(estimate, weights)
        resampled[name] = Resampled(statistic, np.empty(0))
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
                resampled[name] = Resampled(
                    resampled[name].statistic,
                    np.concatenate(drawn[name]),
                    acceleration(influence, strata) if kind == "BCa" else 0.0,
                    kind,
                    level=level,
                )
    return Bootstrap(resampled)


def size_of(estimate: AnyEstimate) -> int:
    """Return an estimate's number of images, including images that do not contribute."""
    return len(estimate.score if isinstance(estimate, Correlations) else estimate.columns)


def point(estimate: AnyEstimate, weights: Array | None = None) -> Statistic:
    """Return the value of an estimate without an interval, or the reason why it has none.

    If fewer than three images contribute, a mean keeps its value and has the reason why there is no
    interval; a correlation has no value.

    Args:
        estimate: the estimate.
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
