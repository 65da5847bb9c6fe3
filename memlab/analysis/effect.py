"""Effect of an ablation with its control and its tests, as `results.json` holds it. No torch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields

from memlab.ablations.record import ConditionRecord
from memlab.analysis.claims import Claim
from memlab.analysis.eligible import SpeaksFor
from memlab.analysis.gauge import Gauge
from memlab.roles import Control
from memlab.stats.measures import Statistic


@dataclass(frozen=True)
class PValue:
    """p-value, or the reason why there is none.

    Args:
        statistic: tested statistic, in words.
        n: number of images that contribute.
        p: p-value of this ablation alone.
        p_corrected: p corrected over all primary ablations of the test with a p of this kind
            (Holm).
        p_max_t: p corrected over the ablations with their own controls by max-T; None for others.
        method: how p was computed.
        reason: why there is no p.
    """

    statistic: str | None = None
    n: int = 0
    p: float | None = None
    p_corrected: float | None = None
    p_max_t: float | None = None
    method: str | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Tests:
    """Tests of one ablation; each kind is corrected separately over all ablations of the test.

    Args:
        either: for a region, the mean or the size differs from the controls'. For a change of the
            whole image, or off-centre crops: the mean. For a swap: the size.
        mean: the mean effect is not 0; with controls, the specific effect is not 0.
        size: the ablation changes predictions more than its comparison, in either direction; the
            comparison is the nuisance baseline, matched controls or the round trip.
    """

    __test__ = False  # not a pytest class

    either: PValue = PValue()
    mean: PValue = PValue()
    size: PValue = PValue()


@dataclass(frozen=True)
class Baseline:
    """Nuisance change that moves the same images most, beside an effect without a control.

    Args:
        condition: the nuisance change.
        effect: its mean effect.
        rms_effect: its root mean square effect.
        ratio: the ablation's RMS effect over that of the nuisance change.
        beyond: whether the interval of the ablation's RMS effect lies above that of the nuisance
            change; None if an interval is missing.
    """

    condition: str
    effect: Statistic
    rms_effect: Statistic
    ratio: Statistic
    beyond: bool | None


@dataclass(frozen=True)
class DonorUse:
    """Use of donors by a swap.

    Args:
        distinct: number of distinct donors.
        most_served: largest number of images with the same donor in one draw.
    """

    distinct: int
    most_served: int


@dataclass(frozen=True)
class Comparison:
    """What an effect is compared with.

    Args:
        kind: kind of control.
        reason: why there is no comparison; None if there is one.
        draws: largest number of control draws per image; 0 without controls.
        draws_mean: mean number of control draws per image.
        n: number of images that have both the ablation and its control.
        without: number of eligible images that have no control.
        effect: mean effect of the control on these images.
        ablation_effect: mean effect of the ablation on the same images.
        baseline: nuisance baseline, where there is no control.
        random_shapes: whether most regions are so large that their controls are random shapes.
        balance: standardised mean differences between matched controls and the region, by measure.
        speaks_for: images that the effect speaks for, for matched controls.
        donors: use of donors by a swap.
        warnings: warnings on the control.
    """

    kind: Control
    reason: str | None = None
    draws: int = 0
    draws_mean: float | None = None
    n: int = 0
    without: int = 0
    effect: Statistic | None = None
    ablation_effect: Statistic | None = None
    baseline: Baseline | None = None
    random_shapes: bool = False
    balance: dict[str, float | None] | None = None
    speaks_for: SpeaksFor | None = None
    donors: DonorUse | None = None
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class BeyondControl:
    """Quantities of the effect beyond its control; None where a quantity does not apply.

    The letter in brackets is the symbol in formulas; see `memlab.analysis.quantities`. `_lower` and
    `_upper` of a removal: the readings with and without the variance between the positions of the
    controls. `_upper` of a swap: the value if it leaves no artefact.

    Args:
        specific_effect: [S] mean effect minus that of the control, in units of the score.
        specific_effect_sd: the same in SDs of the clean predictions.
        energy_distance: [M] energy distance to the matched controls.
        squared_effect: [V] mean squared effect, in squared units of the score.
        rms_effect: [RMS] signed root of `squared_effect`.
        rms_effect_lower: lower reading of `rms_effect`.
        rms_effect_upper: upper reading of `rms_effect`.
        rms_effect_sd: [g] `rms_effect` in SDs of the clean predictions.
        rms_effect_sd_lower: lower reading of `rms_effect_sd`.
        rms_effect_sd_upper: upper reading of `rms_effect_sd`.
        variance_share: [T] share of the predictions' variance that the value of a feature moves
            (swaps), or its presence (removals).
        variance_share_upper: upper value of `variance_share`.
    """

    specific_effect: Statistic | None = None
    specific_effect_sd: Statistic | None = None
    energy_distance: Statistic | None = None
    squared_effect: Statistic | None = None
    rms_effect: Statistic | None = None
    rms_effect_lower: Statistic | None = None
    rms_effect_upper: Statistic | None = None
    rms_effect_sd: Statistic | None = None
    rms_effect_sd_lower: Statistic | None = None
    rms_effect_sd_upper: Statistic | None = None
    variance_share: Statistic | None = None
    variance_share_upper: Statistic | None = None


@dataclass(frozen=True, kw_only=True)
class AblationEffect(ConditionRecord):
    """Effect of one ablation at one dose on a model's predictions.

    Args:
        n: number of evaluated images.
        eligible: number of images that the ablation can change.
        not_eligible: number of images that could not be changed, by reason; None if unknown.
        effect: mean effect, clean − ablated, with interval, over eligible images.
        rms_effect: root mean square effect with interval, over eligible images.
        spearman_clean: correlation of clean predictions with scores, same images.
        spearman_ablated: correlation of ablated predictions with scores, same images.
        control: what the effect is compared with; None for a nuisance change.
        beyond_control: quantities of the effect beyond its control.
        tests: p-values, corrected over all ablations of the test.
        claim: whether the model relies on what was ablated; None without an own control.
        gauge: distance of the changed images from unchanged ones; None if it was not measured.
        notes: notes for the reader.
    """

    n: int
    eligible: int
    not_eligible: dict[str, int] | None
    effect: Statistic
    rms_effect: Statistic
    spearman_clean: Statistic
    spearman_ablated: Statistic
    control: Comparison | None = None
    beyond_control: BeyondControl = BeyondControl()
    tests: Tests = Tests()
    claim: Claim | None = None
    gauge: Gauge | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def baseline(self) -> Baseline | None:
        """Nuisance baseline that the effect is compared with, if any."""
        return None if self.control is None else self.control.baseline


@dataclass(frozen=True)
class DoseCurve:
    """Effects of one ablation over its doses.

    Args:
        curve: key of the ablation without the dose.
        ablation: plugin name.
        family: key of `memlab.ablations.FAMILIES`.
        region: region that is changed.
        fill: what a removed region is filled with.
        unit: unit of the doses.
        compared_with: kind of control.
        quantity: `variance_share` for swaps, `specific_effect` if all doses have controls, else
            `effect`.
        conditions: keys of the conditions, ascending in dose.
        doses: the doses, ascending.
        values: `quantity` at each dose.
        effects: mean effect at each dose, over the images that have a control, if any has one.
        control_effects: mean effect of the control at each dose.
        area: area under the curve over the highest dose.
        isotonic_residual: deviation from the closest monotone curve, as a share of the range.
    """

    curve: str
    ablation: str
    family: str
    region: str
    fill: str | None
    unit: str
    compared_with: Control | None
    quantity: str
    conditions: list[str]
    doses: list[float]
    values: list[Statistic]
    effects: list[Statistic]
    control_effects: list[Statistic | None]
    area: Statistic
    isotonic_residual: float | None


def statistics(part: object, at: str = "") -> Iterator[tuple[str, Statistic]]:
    """Yield every statistic of a dataclass with its path: `control.effect`."""
    for attribute in fields(part):  # type: ignore[arg-type]
        value = getattr(part, attribute.name)
        if isinstance(value, Statistic):
            yield f"{at}{attribute.name}", value
        elif hasattr(value, "__dataclass_fields__"):
            yield from statistics(value, f"{at}{attribute.name}.")
