"""Dose curves, their normalised area, and their deviation from a monotone curve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.optimize import isotonic_regression

from memlab.ablations.record import ConditionRecord
from memlab.analysis.arrays import ImageEffects
from memlab.analysis.comparisons import Subject
from memlab.analysis.effect import AblationEffect, DoseCurve
from memlab.analysis.means import combine, mean
from memlab.analysis.per_image import mean_effect, specific
from memlab.analysis.quantities import value_quantities
from memlab.errors import DataError
from memlab.stats.estimate import Estimate
from memlab.stats.measures import Array, Statistic


def dose_curve(ladder: Sequence[ImageEffects]) -> tuple[Array, list[Estimate]]:
    """Return the mean effect at each dose above 0.

    The effect is D - c̄ if all doses above 0 have controls, else D; for a swap it is T.

    Args:
        ladder: one ablation at several doses, in any order.

    Returns:
        (k,) doses above 0, ascending, and the effect at each.

    Raises:
        DataError: if a dose is duplicated or below 0, or none is above 0.
    """
    above = sorted((step for step in ladder if step.dose != 0), key=lambda step: step.dose)
    doses = np.array([step.dose for step in above])
    if len(doses) == 0 or doses[0] < 0 or len(np.unique(doses)) < len(doses):
        named = ", ".join(f"{dose:g}" for dose in doses) or "none"
        raise DataError(f"conditions: a curve needs different doses above 0, not {named}")
    if all(np.isfinite(step.of("swap")).any() for step in above):
        return doses, [value_quantities(step).estimates["variance_share"] for step in above]
    column = specific if _controlled(above) else mean_effect
    return doses, [mean(step.images, column(step)) for step in above]


def dose_area(ladder: Sequence[ImageEffects]) -> Estimate:
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


def ladders(
    records: Sequence[ConditionRecord], subjects: Mapping[str, Subject]
) -> dict[str, dict[str, ImageEffects]]:
    """Return ablations with several doses by their curve: condition to effects, ascending."""
    curves: dict[str, dict[str, ImageEffects]] = {}
    for record in sorted(records, key=lambda record: record.dose):
        if record.role != "nuisance" and record.dose != 0:
            curve = curves.setdefault(record.curve, {})
            curve[record.condition] = subjects[record.condition].effects
    return {name: curve for name, curve in curves.items() if len(curve) > 1}


def dose_curve_of(
    steps: Sequence[AblationEffect], ladder: Mapping[str, ImageEffects], area: Statistic
) -> DoseCurve:
    """Return the curve of one ablation from its effects at each dose.

    Args:
        steps: effects, ascending in dose.
        ladder: effects per image of the same conditions.
        area: area under the curve, from `dose_area`.
    """
    first, controlled = steps[0], _controlled(list(ladder.values()))
    if first.role == "swap":
        quantity = "variance_share"
        statistics = [step.beyond_control.variance_share for step in steps]
    elif controlled:
        quantity = "specific_effect"
        statistics = [step.beyond_control.specific_effect for step in steps]
    else:
        quantity = "effect"
        statistics = [step.effect for step in steps]
    values = [statistic for statistic in statistics if statistic is not None]
    heights = [statistic.value for statistic in values]
    complete = all(value is not None for value in heights)
    controls = [step.control for step in steps]
    return DoseCurve(
        curve=first.curve,
        ablation=first.ablation,
        family=first.family,
        region=first.region,
        fill=first.fill,
        unit=first.unit,
        compared_with=first.compared_with,
        quantity=quantity,
        conditions=list(ladder),
        doses=[step.dose for step in steps],
        values=values,
        effects=[
            control.ablation_effect
            if controlled and control is not None and control.ablation_effect is not None
            else step.effect
            for step, control in zip(steps, controls, strict=True)
        ],
        control_effects=[_effect_beside(step) for step in steps],
        area=area,
        isotonic_residual=isotonic_residual(np.array(heights, dtype=float)) if complete else None,
    )


def _effect_beside(step: AblationEffect) -> Statistic | None:
    """Return the mean effect of the control, or of the nuisance baseline."""
    if step.control is None:
        return None
    if step.control.effect is None and step.control.baseline is not None:
        return step.control.baseline.effect
    return step.control.effect


def _controlled(ladder: Sequence[ImageEffects]) -> bool:
    return all(np.isfinite(effects.of("control")).any() for effects in ladder)
