"""Equivalence tests of effects, and correction of p-values for multiple tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy import stats

from memlab.stats.intervals import Resampled
from memlab.stats.measures import Array

ALPHA = 0.05
"""Level of each one-sided test."""
CLAIM_LEVEL = 1 - 2 * ALPHA
"""Level of the intervals behind claims about size: each end is a one-sided test at `ALPHA`."""


@dataclass(frozen=True)
class Equivalence:
    """Result of an equivalence test of an effect against ±margin, or the reason why there is none.

    Args:
        margin: the smallest effect of interest, in units of the estimate.
        equivalent: whether both one-sided tests reject at `alpha`; None without a result. False
            does not mean that there is an effect.
        p: the larger of the two one-sided p-values.
        alpha: level of each one-sided test; the result is equivalent exactly if an interval at
            level 1 - 2 alpha lies inside the margins.
        method: how p was computed.
        reason: why there is no result.
    """

    margin: float
    equivalent: bool | None = None
    p: float | None = None
    alpha: float = ALPHA
    method: str | None = None
    reason: str | None = None

    def describe(self) -> dict[str, Any]:
        """Return the fields as plain data."""
        return asdict(self)


def equivalence(resampled: Resampled, margin: float, alpha: float = ALPHA) -> Equivalence:
    """Test an estimate against ±margin by two one-sided tests, inverting the bootstrap interval.

    The procedure is that of Schuirmann (1987).

    Args:
        resampled: an estimate, from `bootstrap`.
        margin: the smallest effect of interest, fixed before the data were seen.
        alpha: level of each one-sided test.
    """
    above, below = resampled.p_above(-margin), resampled.p_below(margin)
    if above is None or below is None:
        return Equivalence(margin, alpha=alpha, reason=resampled.interval().reason)
    p = max(above, below)
    interval = resampled.interval(1 - 2 * alpha)
    return Equivalence(margin, p <= alpha, p, alpha, f"two one-sided tests: {interval.method}")


def equivalence_t(values: Array, margin: float, alpha: float = ALPHA) -> Equivalence:
    """Test a mean against ±margin by two one-sided t-tests (Schuirmann 1987).

    Args:
        values: (n,) one value per image.
        margin: the smallest mean of interest.
        alpha: level of each one-sided test.
    """
    n = len(values)
    if n < 3:
        return Equivalence(margin, alpha=alpha, reason=f"only {n} images")
    if not np.isfinite(values).all():
        return Equivalence(margin, alpha=alpha, reason="predictions are not finite")
    mean, error = float(values.mean()), float(values.std(ddof=1)) / n**0.5
    if error <= 1e-12 * max(1.0, abs(mean)):
        # probability that all n values fall on one side of the margin by chance: the smallest
        # possible p
        p = positive(0.5**n) if abs(mean) < margin else 1.0
        return Equivalence(margin, p <= alpha, p, alpha, "all differences are equal")
    p = positive(float(stats.t.sf((margin - abs(mean)) / error, n - 1)))
    return Equivalence(margin, p <= alpha, p, alpha, "two one-sided t-tests")


def positive(p: float) -> float:
    """Return p, or the smallest positive number if the formula for p underflowed to 0."""
    return max(p, float(np.finfo(float).tiny))


def holm(p: Sequence[float | None]) -> list[float | None]:
    """Return p-values adjusted by Holm's method, which controls the family-wise error rate.

    This is the step-down Bonferroni method (Holm 1979, Scandinavian Journal of Statistics 6,
    65–70), valid for any dependence between the tests. None (no test) stays None and is not
    counted.

    Args:
        p: raw p-values of a family declared in advance.
    """
    tested = sorted((value, index) for index, value in enumerate(p) if value is not None)
    adjusted: list[float | None] = [None] * len(p)
    largest = 0.0
    for rank, (value, index) in enumerate(tested):
        largest = max(largest, min(1.0, (len(tested) - rank) * value))
        adjusted[index] = largest
    return adjusted
