"""Estimates of each feature of a protocol, from the arrays of its conditions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from memlab.ablations.record import ConditionRecord
from memlab.analysis.arrays import ImageEffects, Images
from memlab.analysis.comparisons import UNLIKE
from memlab.analysis.gauge import Gauge
from memlab.analysis.means import combine, mean, prevalence, variance_of_predictions
from memlab.analysis.per_image import mean_effect, row_mean
from memlab.analysis.quantities import (
    pairs_share,
    presence,
    presence_quantities,
    removal_quantities,
    value_quantities,
)
from memlab.audit.bounds import beyond
from memlab.audit.feature_result import ConditionGauge
from memlab.audit.matching import condition_of
from memlab.audit.protocol import Feature, Operator, Protocol
from memlab.stats import Estimate
from memlab.stats.measures import Array

IN_SD = ("specific_effect_sd", "rms_effect_sd")


@dataclass(frozen=True)
class FeatureData:
    """Conditions and estimates of a feature.

    Args:
        feature: the feature.
        records: the conditions that measured it: removals, swap, insertion.
        removals: removal effects by condition, one per fill.
        swap: effects of the swap; None if it was not run.
        insertion: effects of the insertion; None if it was not run.
        estimates: by name, as in `FeatureResult`; `fill N/...` of each fill, `insertion/...`.
        notes: notes for the reader.
        gauges: distances from the clean images, by condition.
        reason: why nothing was measured.
    """

    feature: Feature
    records: list[ConditionRecord] = field(default_factory=list)
    removals: dict[str, ImageEffects] = field(default_factory=dict)
    swap: ImageEffects | None = None
    insertion: ImageEffects | None = None
    estimates: dict[str, Estimate] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    gauges: list[ConditionGauge] = field(default_factory=list)
    reason: str | None = None

    @property
    def beyond(self) -> dict[str, str]:
        """Conditions beyond the bounds of the gauge, with the reason."""
        return {one.condition: one.reason for one in self.gauges if one.reason is not None}

    @property
    def main(self) -> ImageEffects | None:
        """Effects that the size of the effect comes from: the first fill, or the swap."""
        return next(iter(self.removals.values()), None) if self.removals else self.swap


def feature_data(
    feature: Feature,
    protocol: Protocol,
    records: Sequence[ConditionRecord],
    measured: Mapping[str, ImageEffects],
    images: Images,
    random_shapes: set[str],
    gauges: Mapping[str, Gauge],
) -> FeatureData:
    """Return the conditions of a feature with its estimates; see `FeatureData`.

    Args:
        feature: the feature.
        protocol: its protocol.
        records: records of all conditions.
        measured: effects by condition without role.
        images: the clean predictions.
        random_shapes: conditions in which most controls are random shapes.
        gauges: condition to the distance of its images from the clean ones.
    """

    def found(operator: Operator | None) -> tuple[ConditionRecord, ImageEffects] | None:
        record = None if operator is None else condition_of(operator, records, protocol)
        effects = None if record is None else measured.get(record.change)
        return None if record is None or effects is None else (record, effects)

    removals = [one for operator in feature.removals if (one := found(operator))]
    swap, insertion = found(feature.swap), found(feature.insertion)
    there = [*removals, *(one for one in (swap, insertion) if one)]
    of_conditions = [
        ConditionGauge(
            record.condition,
            gauges[record.condition],
            beyond(gauges[record.condition], protocol.gauge),
        )
        for record, _ in there
        if record.condition in gauges
    ]
    data = FeatureData(
        feature,
        [record for record, _ in there],
        {record.condition: effects for record, effects in removals},
        swap[1] if swap else None,
        insertion[1] if insertion else None,
        gauges=of_conditions,
    )
    if not removals and swap is None:
        known = {}
        presence_of = feature.within if feature.kind == "value" else feature.name
        if presence_of in images.table:  # bounds T: a feature that no image has moves nothing
            known = {"prevalence": prevalence(images, str(presence_of))}
        why = "not run: no masks or no donors for it"
        if feature.kind == "presence":
            why = _why_absent(feature, images)
        return replace(data, reason=why, estimates=known)
    unlike = random_shapes & {record.change for record, _ in removals}
    return _with_estimates(data, images, bool(unlike))


def _why_absent(feature: Feature, images: Images) -> str:
    if feature.name not in images.table:
        return "no masks: nothing says which images have it"
    return "not run"


def _with_estimates(data: FeatureData, images: Images, random_shapes: bool) -> FeatureData:
    feature, notes = data.feature, list(data.notes)
    variance = variance_of_predictions(images)
    estimates: dict[str, Estimate] = {}
    if feature.kind == "presence":
        fills = list(data.removals.values())
        within = [one for name, one in data.removals.items() if name not in data.beyond]
        swap = None if _swap_condition(data) in data.beyond else data.swap
        insertion, last = data.insertion, data.records[-1].condition
        inserted = [] if insertion is None or last in data.beyond else [insertion]
        quantities = presence_quantities(feature.name, within or fills, inserted, swap)
        estimates |= quantities.estimates
        notes += quantities.notes
        notes += [f"{name} is left out of T: {why}" for name, why in data.beyond.items()]
        if not within:
            _withhold(estimates, next(iter(data.beyond.values())))
        estimates["effect"] = mean(images, _mean_over(fills))
        estimates["prevalence"] = prevalence(images, feature.name)
        controls = np.stack([row_mean(one.of("control") ** 2) for one in fills], axis=1)
        moved = mean(images, row_mean(controls))
        estimates["control_share"] = combine(
            lambda p, v, var: p * (1 - p) * v / var, estimates["prevalence"], moved, variance
        )
        for index, effects in enumerate(fills):
            of_fill = removal_quantities([effects])
            estimates |= {f"fill {index}/{name}": of_fill[name] for name in IN_SD}
        if random_shapes:
            why = UNLIKE["random shapes"]
            energy = estimates["energy_distance"]
            if energy.reason is None:
                estimates["energy_distance"] = replace(energy, reason=why)
        if insertion is not None:
            of_insertion = removal_quantities([insertion])
            estimates |= {f"insertion/{name}": of_insertion[name] for name in IN_SD}
    elif (swap := data.swap) is not None:
        quantities = value_quantities(swap)
        estimates |= quantities.estimates
        notes += quantities.notes
        for why in data.beyond.values():
            _withhold(estimates, why)
        estimates["prevalence"] = mean(images, presence(swap))
        back = mean(images, row_mean(swap.of("round-trip") ** 2))
        estimates["control_share"] = combine(
            lambda p, v, var: pairs_share(swap, p) * v / (2 * var),
            estimates["prevalence"],
            back,
            variance,
        )
    return replace(data, estimates=estimates, notes=notes)


def _swap_condition(data: FeatureData) -> str | None:
    return next((one.condition for one in data.records if one.role == "swap"), None)


def _withhold(estimates: dict[str, Estimate], reason: str) -> None:
    """Leave out T, because the changed images are out of distribution."""
    for name, estimate in estimates.items():
        if name.startswith("variance_share") and estimate.reason is None:
            estimates[name] = replace(estimate, reason=reason)


def _mean_over(fills: Sequence[ImageEffects]) -> Array:
    return row_mean(np.stack([mean_effect(effects) for effects in fills], axis=1))


def bearing(data: FeatureData) -> NDArray[np.bool_]:
    """Return which images bear on the feature's effect: (n,) bool, changed and with a control."""
    fills = list(data.removals.values())
    if fills:
        changed = np.stack([np.isfinite(one.of("target")).any(axis=1) for one in fills])
        controlled = np.stack([np.isfinite(one.of("control")).any(axis=1) for one in fills])
    elif data.swap is not None:
        changed = np.stack([np.isfinite(data.swap.of("swap")).any(axis=1)])
        controlled = np.stack([np.isfinite(data.swap.of("round-trip")).any(axis=1)])
    else:
        return np.zeros(0, dtype=bool)
    return np.asarray((changed & controlled).any(axis=0), dtype=np.bool_)
