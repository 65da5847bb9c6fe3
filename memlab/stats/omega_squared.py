"""Omega squared: the share of variance between groups, corrected for chance."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import optimize, stats

from memlab.stats import LEVEL
from memlab.stats.measures import Array, Statistic, constant


def omega_squared(groups: Sequence[Array], level: float = LEVEL) -> tuple[Statistic, float | None]:
    """Return the share of variance between levels, corrected for chance, and eta squared.

    Omega squared (Hays 1963; Olejnik & Algina 2003, Psychological Methods 8, equation 4) has mean 0
    without an association, and may be negative. Eta squared is the share in the sample, with mean
    (k − 1) / (n − 1) without an association. The interval is λ / (λ + n) from the noncentral F
    (Steiger 2004, Psychological Methods 9, 164–182), which assumes normal errors of equal variance;
    its ends are never below 0.

    Args:
        groups: values of the outcome for each level, at least two levels of `LEAST` values.
        level: level of the interval.
    """
    n, k = sum(map(len, groups)), len(groups)
    every = np.concatenate(groups)
    inside = float(sum(((one - one.mean()) ** 2).sum() for one in groups))
    total = float(((every - every.mean()) ** 2).sum())
    if constant(every):
        return Statistic(None, n, reason=f"the outcome is the same for all {n} images"), None
    if inside <= 1e-12 * total:
        text = "no interval: nothing varies inside the levels"
        return Statistic(1.0, n, reason=text), 1.0
    error = inside / (n - k)
    value = (total - inside - (k - 1) * error) / (total + error)
    f = (total - inside) / (k - 1) / error
    ends = [_noncentrality(f, k - 1, n - k, (1 + sign * level) / 2) for sign in (1, -1)]
    low, high = (end / (end + n) for end in ends)
    method = "noncentral F"
    return Statistic(value, n, low, high, level, method), 1 - inside / total


def _noncentrality(f: float, between: int, inside: int, share: float) -> float:
    """Return the noncentrality at which P(F <= f) equals `share`; 0 if there is none."""

    def beyond(noncentrality: float) -> float:
        return float(stats.ncf.cdf(f, between, inside, noncentrality)) - share

    if float(stats.f.cdf(f, between, inside)) <= share:
        return 0.0
    most = 10.0 + 2 * f * between
    while beyond(most) > 0:
        most *= 2
    return float(optimize.brentq(beyond, 1e-9, most))
