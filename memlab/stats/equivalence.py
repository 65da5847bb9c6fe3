"""Evidence that an effect is too small to matter, and p-values of several tests together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy import stats

from memlab.stats.intervals import Resampled
from memlab.stats.measures import Array

ALPHA = 0.05
"""Of each one-sided test."""
CLAIM_LEVEL = 1 - 2 * ALPHA
"""Of intervals that claims about size are made by: each of their ends is a test at `ALPHA`."""


@dataclass(frozen=True)
class Equivalence:
    """Whether an effect lies between -margin and margin, or why that cannot be said.

    Args:
        margin: the smallest effect that would matter, in units of the estimate.
        equivalent: whether both one-sided tests reject at `alpha`; None if there is no answer. Not
            equivalent does not mean that there is an effect.
        p: the larger of the two one-sided p-values.
        alpha: of each one-sided test; equivalent is as much as an interval at level 1 - 2 alpha
            inside the margins.
        method: how p was found.
        reason: why there is no answer.
    """

    margin: float
    equivalent: bool | None = None
    p: float | None = None
    alpha: float = ALPHA
    method: str | None = None
    reason: str | None = None

    def describe(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)


def equivalence(resampled: Resampled, margin: float, alpha: float = ALPHA) -> Equivalence:
    """Two one-sided tests against ±margin (Schuirmann 1987), by inverting the bootstrap's interval.

    Args:
        resampled: an estimate, from `bootstrap`.
        margin: the smallest effect that would matter, fixed before the data were seen.
        alpha: of each one-sided test.
    """
    above, below = resampled.p_above(-margin), resampled.p_below(margin)
    if above is None or below is None:
        return Equivalence(margin, alpha=alpha, reason=resampled.interval().reason)
    p = max(above, below)
    interval = resampled.interval(1 - 2 * alpha)
    return Equivalence(margin, p <= alpha, p, alpha, f"two one-sided tests: {interval.method}")


def equivalence_t(values: Array, margin: float, alpha: float = ALPHA) -> Equivalence:
    """Two one-sided t-tests of a mean against ±margin (Schuirmann 1987).

    Args:
        values: (n,) one value per image.
        margin: the smallest mean that would matter.
        alpha: of each one-sided test.
    """
    n = len(values)
    if n < 3:
        return Equivalence(margin, alpha=alpha, reason=f"only {n} images")
    if not np.isfinite(values).all():
        return Equivalence(margin, alpha=alpha, reason="predictions are not finite")
    mean, error = float(values.mean()), float(values.std(ddof=1)) / n**0.5
    if error <= 1e-12 * max(1.0, abs(mean)):
        # as many images on one side of the margin as by chance: no p can be smaller
        p = positive(0.5**n) if abs(mean) < margin else 1.0
        return Equivalence(margin, p <= alpha, p, alpha, "all differences are equal")
    p = positive(float(stats.t.sf((margin - abs(mean)) / error, n - 1)))
    return Equivalence(margin, p <= alpha, p, alpha, "two one-sided t-tests")


def positive(p: float) -> float:
    """Return a p of a formula that has underflown to 0 as the smallest number above it."""
    return max(p, float(np.finfo(float).tiny))


def holm(p: Sequence[float | None]) -> list[float | None]:
    """p-values adjusted for their number: at most one error in 20 among all that are below .05.

    Step-down Bonferroni (Holm 1979, Scandinavian Journal of Statistics 6, 65–70); valid however the
    tests depend on each other. None (no test) stays None and does not count.

    Args:
        p: raw p-values of a family declared in advance.
    """
    tested = sorted((value, place) for place, value in enumerate(p) if value is not None)
    adjusted: list[float | None] = [None] * len(p)
    largest = 0.0
    for rank, (value, place) in enumerate(tested):
        largest = max(largest, min(1.0, (len(tested) - rank) * value))
        adjusted[place] = largest
    return adjusted
