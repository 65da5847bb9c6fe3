"""Equivalence test of removal and insertion: whether both tell the same size of a feature."""

from __future__ import annotations

from collections.abc import Mapping

from memlab.analysis.quantities import SESOI
from memlab.stats.equivalence import ALPHA, Equivalence, equivalence
from memlab.stats.intervals import Resampled


def insertion_agrees(
    resampled: Mapping[str, Resampled], margin: float = SESOI, alpha: float = ALPHA
) -> Equivalence:
    """Test whether the RMS effects of removal and insertion are the same within ±`margin`.

    Both are in SDs of the clean predictions, and the removal is that of `removed_square`: over all
    images that have the feature. Two one-sided tests at `alpha` each must reject. Without enough
    images they do not, and removal alone stays the estimate.

    Args:
        resampled: estimates of `presence_quantities` with insertions, from one bootstrap.
        margin: smallest difference of interest, fixed before the data were seen.
        alpha: level of each one-sided test.
    """
    difference = resampled.get("insertion_difference_sd")
    if difference is None:
        return Equivalence(margin, alpha=alpha, reason="no insertion was run")
    return equivalence(difference, margin, alpha)
