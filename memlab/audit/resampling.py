"""One set of resamples for all estimates of an audit. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from memlab.stats import Bootstrap, bootstrap
from memlab.stats.blocks import AnyEstimate
from memlab.stats.measures import Array

RHO_RESAMPLES = 2000
"""Number of resamples for rank correlations; ranks are slower than means."""


@dataclass(frozen=True)
class Resampling:
    """One set of resamples for all estimates of an audit, so that differences are paired.

    Args:
        seed: seed of the resampling.
        resamples: number of resamples.
        level: level of the intervals.
        strata: (n,) stratum of each image, with the audited images apart; None for a table of which
            every image was audited.
    """

    seed: int
    resamples: int
    level: float
    strata: Array | None

    def of(self, estimates: Mapping[str, AnyEstimate]) -> Bootstrap:
        """Resample means; weights are in the estimates' columns."""
        return bootstrap(estimates, self.seed, self.resamples, self.level, strata=self.strata)

    def of_ranks(
        self, estimates: Mapping[str, AnyEstimate], weights: Array | None = None
    ) -> Bootstrap:
        """Resample rank correlations, with percentile intervals."""
        resamples = min(self.resamples, RHO_RESAMPLES)
        return bootstrap(
            estimates, self.seed, resamples, self.level, weights, self.strata, kind="percentile"
        )
