"""Whether insertion enters T: only where it agrees with removal, by an equivalence test."""

from __future__ import annotations

from collections.abc import Mapping

from memlab.numbers import number, p_value, statistic
from memlab.stats import Equivalence, equivalence
from memlab.stats.intervals import Resampled

DIFFERENCE, BOTH = "insertion_difference_sd", "variance_share_both"


def agreement(resampled: Mapping[str, Resampled], sesoi: float) -> Equivalence | None:
    """Return the test of the difference of RMS effects, in SDs; None without an insertion.

    Args:
        resampled: estimates of a feature.
        sesoi: largest difference that counts as agreement, in SDs.
    """
    found = resampled.get(DIFFERENCE)
    return None if found is None else equivalence(found, sesoi)


def share_of(resampled: Mapping[str, Resampled], sesoi: float) -> Resampled:
    """Return T: from removal and insertion if they agree, otherwise from removal alone."""
    test = agreement(resampled, sesoi)
    agrees = test is not None and test.equivalent
    return resampled[BOTH if agrees and BOTH in resampled else "variance_share"]


def why_not(resampled: Mapping[str, Resampled], sesoi: float) -> str | None:
    """Return why insertion does not enter T; None if it does, or was not run."""
    test = agreement(resampled, sesoi)
    if test is None or test.equivalent:
        return None
    if test.reason is not None:
        return test.reason
    difference = resampled[DIFFERENCE].interval(1 - 2 * test.alpha)
    return (
        f"RMS of removal − insertion is {statistic(difference, 2, signed=True)} SD, not shown "
        f"to lie within ±{number(sesoi, 2)} (p {p_value(test.p)})"
    )
