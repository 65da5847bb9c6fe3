"""Intervals and p-values from the values of an estimate on resamples."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import ndtr, ndtri

from memlab.stats.measures import Array, Statistic
from memlab.stats.resampling import Strata

LEVEL = 0.95
Kind = Literal["BCa", "percentile"]
MOST_UNDEFINED = 0.2
"""Share of resamples on which an estimate may be undefined and still get an interval."""


@dataclass(frozen=True)
class Resampled:
    """Estimate with its values on resamples.

    Args:
        statistic: the value without an interval, or the reason why there is none.
        draws: (resamples,) values, NaN where undefined; empty if the estimate was not resampled.
        acceleration: rate of change of the standard error with the value (Efron 1987).
        kind: kind of the intervals.
        unit: what was resampled, for `method`.
        level: default level of the interval.
    """

    statistic: Statistic
    draws: Array
    acceleration: float = 0.0
    kind: Kind = "BCa"
    unit: str = "images"
    level: float = LEVEL

    def interval(self, level: float | None = None) -> Statistic:
        """Return the value with its interval, or with the reason why there is none.

        BCa intervals (Efron 1987, JASA 82, 171–185, equation 2.3) are percentiles of the draws,
        corrected for median bias and acceleration. Undefined draws are left out if they are few. If
        all draws are equal, both ends of the interval are the value.
        """
        level = self.level if level is None else level
        statistic, draws = self.statistic, self._defined()
        value = statistic.value
        if value is None or len(self.draws) == 0:
            return statistic
        lost = len(self.draws) - len(draws)
        if lost > MOST_UNDEFINED * len(self.draws):
            share = 100 * lost / len(self.draws)
            return self._without(f"undefined on {share:.0f} % of the resamples")
        if _same(draws, value):
            return dataclasses.replace(
                statistic, low=value, high=value, level=level, method="all differences are equal"
            )
        ends = np.array([(1 - level) / 2, (1 + level) / 2])
        if self.kind == "BCa":
            bias, acceleration = _bias(draws, value), self.acceleration
            moved = bias + ndtri(ends)
            ends = ndtr(bias + moved / (1 - acceleration * moved))
            if not np.isfinite(ends).all() or (1 - acceleration * moved <= 0).any():
                return self._without("the bootstrap is degenerate")
        low, high = np.quantile(draws, ends)
        method = f"{self.kind} bootstrap over {self.unit}, {len(self.draws)} resamples"
        if lost:
            method += f", undefined on {lost}"
        return dataclasses.replace(
            statistic, low=float(low), high=float(high), level=level, method=method
        )

    def p_above(self, bound: float) -> float | None:
        """Return the one-sided p of the hypothesis that the true value is at most `bound`.

        p is the error level at which the lower end of the interval of `kind` equals the bound (an
        inverted interval; DiCiccio & Efron 1996, Statistical Science 11, section 4). It is at least
        1 / (resamples + 1), and None if there is no interval.
        """
        statistic = self.interval()
        if statistic.value is None or statistic.low is None:
            return None
        draws = self._defined()
        least = 1 / (len(draws) + 1)
        if _same(draws, statistic.value):
            return least if statistic.value > bound else 1.0
        below = (np.sum(draws < bound) + np.sum(draws <= bound)) / 2 / len(draws)
        z = float(ndtri(np.clip(below, least / 2, 1 - least / 2)))
        if self.kind == "BCa":
            bias = _bias(draws, statistic.value)
            moved = z - bias
            if 1 + self.acceleration * moved <= 0:
                return least if bound < statistic.value else 1.0
            z = moved / (1 + self.acceleration * moved) - bias
        return float(np.clip(ndtr(z), least, 1))

    def p_below(self, bound: float) -> float | None:
        """Return the one-sided p of the hypothesis that the true value is at least `bound`.

        See `p_above`.
        """
        value = self.statistic.value
        if value is None:
            return None
        mirrored = dataclasses.replace(
            self,
            statistic=dataclasses.replace(self.statistic, value=-value),
            draws=-self.draws,
            acceleration=-self.acceleration,
        )
        return mirrored.p_above(-bound)

    def standard_error(self) -> float | None:
        """Return the SD of the draws; None if there is no interval."""
        return float(self._defined().std(ddof=1)) if self.interval().low is not None else None

    def _defined(self) -> Array:
        return self.draws[np.isfinite(self.draws)]

    def _without(self, reason: str) -> Statistic:
        return dataclasses.replace(self.statistic, reason=f"no interval: {reason}")


def acceleration(influence: Array, strata: Strata | None = None) -> float:
    """Return the acceleration: a sixth of the skewness of the linear part of an estimate.

    Args:
        influence: (n,) influence of each image on the estimate, up to a positive factor: the mean
            of the leave-one-out values minus the image's own (Efron 1987, equation 7.3).
        strata: strata; influences are then centred within each part, and the influence of the sizes
            of strata is added, as an independent source.
    """
    if strata is None:
        deviations = influence - influence.mean()
    else:
        deviations = influence - _means_within(influence, strata.part)
        if strata.stratum is not None:
            sizes = _means_within(influence, strata.stratum)
            deviations = np.concatenate([deviations, sizes - sizes.mean()])
    squares = float((deviations**2).sum())
    return float((deviations**3).sum()) / (6 * squares**1.5) if squares > 0 else 0.0


def _means_within(values: Array, groups: Array) -> Array:
    """Return the mean of each image's group, (n,)."""
    _, group = np.unique(groups, return_inverse=True)
    return np.asarray((np.bincount(group, values) / np.bincount(group))[group])


def _bias(draws: Array, value: float) -> float:
    return float(ndtri((np.sum(draws < value) + np.sum(draws <= value)) / 2 / len(draws)))


def _same(draws: Array, value: float) -> bool:
    """Return whether draws differ from the value by no more than rounding."""
    return bool(np.abs(draws - value).max() <= 1e-15 + 1e-9 * abs(value))
