"""Dose curves, their normalised area, and their deviation from a monotone curve."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import isotonic_regression

from memlab.analysis.arrays import Effects
from memlab.analysis.per_image import dropped, specific
from memlab.analysis.quantities import combine, mean, value_quantities
from memlab.errors import DataError
from memlab.stats.estimate import Estimate
from memlab.stats.measures import Array


def dose_curve(ladder: Sequence[Effects]) -> tuple[Array, list[Estimate]]:
    """Return the mean effect at each dose above 0.

    The effect is D - c̄ if all doses above 0 have controls, else D; for a swap it is T.

    Args:
        ladder: one ablation at several doses, in any order.

    Returns:
        (k,) doses above 0, ascending, and the effect at each.

    Raises:
        DataError: if a dose is duplicated or below 0, or none is above 0.
    """
    above = sorted((one for one in ladder if one.dose != 0), key=lambda one: one.dose)
    doses = np.array([one.dose for one in above])
    if len(doses) == 0 or doses[0] < 0 or len(np.unique(doses)) < len(doses):
        named = ", ".join(f"{dose:g}" for dose in doses) or "none"
        raise DataError(f"conditions: a curve needs different doses above 0, not {named}")
    if all(np.isfinite(one.drop("swap")).any() for one in above):
        return doses, [value_quantities(one).estimates["T"] for one in above]
    controlled = all(np.isfinite(one.drop("control")).any() for one in above)
    column = specific if controlled else dropped
    return doses, [mean(one.images, column(one)) for one in above]


def dose_area(ladder: Sequence[Effects]) -> Estimate:
    """Return the area under the curve of effects over doses, divided by the highest dose.

    This is the mean effect over the ladder, in units of the score, by the trapezoidal rule from
    effect 0 at dose 0.

    Args:
        ladder: one ablation at several doses, in any order.

    Raises:
        DataError: as for `dose_curve`.
    """
    doses, curve = dose_curve(ladder)
    width = np.diff(doses, prepend=0.0)
    # each height belongs to the trapezoids on both sides
    share = (width + np.append(width[1:], 0.0)) / 2 / doses[-1]

    def area(*heights: Array) -> Array:
        return np.asarray(sum(w * height for w, height in zip(share, heights, strict=True)))

    return combine(area, *curve)


def isotonic_residual(heights: Array) -> float:
    """Return the deviation of a curve from the closest monotone curve: 0 to about .5.

    The deviation is the root mean square distance between the curve, starting with 0 at dose 0, and
    the closest increasing or decreasing curve, as a share of the curve's range.

    Args:
        heights: (k,) mean effects at ascending doses above 0.
    """
    curve = np.concatenate([[0.0], heights])
    spread = float(np.ptp(curve))
    if spread == 0:
        return 0.0
    fits = [isotonic_regression(curve, increasing=up).x for up in (True, False)]
    return min(float(np.sqrt(np.mean((curve - fit) ** 2))) for fit in fits) / spread
