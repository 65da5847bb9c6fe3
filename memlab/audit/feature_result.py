"""Result of an audit for one feature: its effect, its share of the predictions, and the claim."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from memlab.analysis.claims import Claim
from memlab.analysis.effect import PValue
from memlab.analysis.gauge import Gauge
from memlab.stats.measures import Statistic


@dataclass(frozen=True)
class AreaShare:
    """Images whose region has an area between two shares of the image, and those compared.

    Args:
        low: lower bound of the area, as a share of the image.
        high: upper bound.
        have: number of audited images with such a region.
        compared: number of those with a matched control.
    """

    low: float
    high: float
    have: int
    compared: int


@dataclass(frozen=True)
class FillEffect:
    """Effect of a removal with one fill.

    Args:
        condition: the removal.
        fill: the fill.
        specific_effect_sd: S, in SDs of the clean predictions.
        rms_effect_sd: RMS beyond the controls, in the same unit.
    """

    condition: str
    fill: str
    specific_effect_sd: Statistic
    rms_effect_sd: Statistic


@dataclass(frozen=True)
class InsertionEffect:
    """Effect of inserting a feature into images without it, beside that of its removal.

    Args:
        condition: the insertion.
        specific_effect_sd: mean change of the score, pasted − original less that of a neutral
            patch, in SDs of the clean predictions; positive where the feature raises the score.
        rms_effect_sd: RMS beyond the patch, in the same unit.
        used: whether insertion enters T, because it agrees with removal.
        reason: why it does not enter T.
    """

    condition: str
    specific_effect_sd: Statistic
    rms_effect_sd: Statistic
    used: bool
    reason: str | None = None


@dataclass(frozen=True)
class ConditionGauge:
    """Distance of a condition's images from the clean ones.

    Args:
        condition: the changed images.
        gauge: the distances.
        reason: why the condition is left out of T; None if it is within the bounds.
    """

    condition: str
    gauge: Gauge
    reason: str | None


@dataclass(frozen=True, kw_only=True)
class FeatureResult:
    """What the audit found for a feature.

    Args:
        name: key of the feature in the protocol.
        label: name for readers.
        side: semantic, low-level, context or layout.
        family: features of one family have one representative.
        kind: `presence` or `value`.
        ranked: whether the feature represents its family in this audit.
        stands_in_for: feature whose place it takes, for want of masks; None if it takes none.
        conditions: the changes that measured it.
        prevalence: share of the table's images that have the feature.
        have: number of audited images that have it.
        compared: number of those that bear on the effect.
        without: reason to number of audited images that could not be changed or compared.
        areas: images that have the region and those compared, by area.
        effect: mean effect, clean − changed, in units of the score; None for swaps.
        specific_effect: S, in units of the score; None for swaps.
        specific_effect_sd: S in SDs of the clean predictions; None for swaps.
        rms_effect: RMS beyond the control where the feature is present, in units of the score.
        rms_effect_sd: the same in SDs of the clean predictions.
        variance_share: T, share of the variance of the predictions that the feature moves.
        exchange_share: part of T that exchanging the feature for another of its kind moves: which
            person it is. Null for faces, whose T is of presence alone; None for value features.
        control_share: share that the controls or round trips move by themselves.
        performance_loss: P, the loss of ρ beyond that of the control.
        test: test of the feature, corrected over the representatives (Holm).
        claim: relies, does not rely, or cannot tell, with the clause.
        detectable: true T that this audit would detect in 4 of 5 cases.
        detectable_effect: the same for S, in SDs; None for swaps.
        fills: effects by fill; one entry or none for swaps.
        fill_dependent: whether fills disagree in the sign of the effect; None if unknown.
        insertion: effect of inserting the feature; None if it was not inserted.
        gauge: distances from the clean images, by condition.
        notes: notes for the reader.
    """

    name: str
    label: str
    side: str
    family: str
    kind: Literal["presence", "value"]
    ranked: bool
    stands_in_for: str | None
    conditions: list[str]
    prevalence: Statistic
    have: int
    compared: int
    without: dict[str, int]
    areas: list[AreaShare]
    effect: Statistic | None
    specific_effect: Statistic | None
    specific_effect_sd: Statistic | None
    rms_effect: Statistic
    rms_effect_sd: Statistic
    variance_share: Statistic
    exchange_share: Statistic | None
    control_share: float | None
    performance_loss: Statistic
    test: PValue
    claim: Claim
    detectable: float | None
    detectable_effect: float | None
    fills: list[FillEffect]
    fill_dependent: bool | None
    insertion: InsertionEffect | None
    gauge: list[ConditionGauge]
    notes: list[str]
