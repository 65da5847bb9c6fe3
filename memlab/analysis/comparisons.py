"""Estimates of one ablation, depending on what it is compared with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from memlab.analysis.arrays import ImageEffects
from memlab.analysis.means import combine, mean
from memlab.analysis.per_image import row_mean
from memlab.analysis.quantities import presence_quantities, removal_quantities, value_quantities
from memlab.roles import Control, Role
from memlab.stats import Estimate
from memlab.stats.bootstrap import point
from memlab.stats.measures import Array

REMOVAL = (
    "specific_effect",
    "energy_distance",
    "rms_effect",
    "rms_effect_lower",
    "rms_effect_upper",
    "specific_effect_sd",
    "rms_effect_sd",
    "rms_effect_sd_lower",
    "rms_effect_sd_upper",
)
SWAP = (
    "squared_effect",
    "rms_effect",
    "variance_share",
    "variance_share_upper",
    "rms_effect_sd",
)
UNLIKE = {
    "off-centre-crops": "off-centre crops are not exchangeable with the centre",
    "random shapes": "random shapes are not exchangeable with the region",
}
"""Why some controls are not exchangeable with the ablation. M is then undefined, and for off-centre
crops RMS and g, too."""


@dataclass(frozen=True)
class Subject:
    """Ablation at one dose, with the rows of its comparison.

    Args:
        effects: effects in all roles.
        kind: kind of the comparison.
        role: `target`, `swap`, or `nuisance` for a nuisance change.
        primary: whether this is the tested dose.
        random_shapes: whether its controls are random shapes of the region's area.
        whole: whether a region is removed completely, so that T of its presence is defined.
        no_control: why no image has a control; None if some image has one.
    """

    effects: ImageEffects
    kind: Control
    role: Role
    primary: bool
    random_shapes: bool = False
    whole: bool = False
    no_control: str | None = None

    @property
    def beside_baseline(self) -> bool:
        """Whether the ablation is compared with the nuisance baseline, for lack of a control."""
        alone = self.kind == "nuisance-baseline" or (
            self.kind == "matched-control" and self.no_control is not None
        )
        return self.role == "target" and alone

    @property
    def controlled(self) -> bool:
        """Whether the ablation has its own controls, which are subtracted from its effect."""
        return self.role == "target" and self.kind in (
            "matched-control",
            "off-centre-crops",
            "patch",
        )

    @property
    def unlike(self) -> str | None:
        """Why the controls are not exchangeable with the target; None if they are.

        M and the permutation tests need exchangeability: otherwise target and controls differ in
        shape or position even without an effect. S and V, tested over images, estimate the
        difference of their expected effects.
        """
        return (
            UNLIKE.get("random shapes" if self.random_shapes else self.kind)
            if self.controlled
            else None
        )

    @property
    def against(self) -> str:
        """Role of the comparison."""
        return "round-trip" if self.role == "swap" else "control"


def estimates(subject: Subject) -> dict[str, Estimate]:
    """Return all estimates of an ablation and its own controls.

    `effect` is the mean effect and `rms` the root mean square effect, over all eligible images.
    Over the images that have both, `control_effect` is the mean effect of the comparison and
    `ablation_effect` the mean effect of the ablation. The primary dose has all of `REMOVAL`, other
    doses the specific effect alone; a swap has `SWAP`. A complete removal also has T of presence.
    """
    effects, images = subject.effects, subject.effects.images
    on_images = effects.of(subject.role)
    estimated = {
        "effect": mean(images, row_mean(on_images)),
        "rms": combine(_size, mean(images, row_mean(on_images**2))),
    }
    if subject.controlled or subject.role == "swap":
        beside = effects.of(subject.against)
        ablated, controls = row_mean(on_images), row_mean(beside)
        both = np.isfinite(ablated) & np.isfinite(controls)
        for name, values in (("control_effect", controls), ("ablation_effect", ablated)):
            estimated[name] = mean(images, np.where(both, values, np.nan))
            if not both.any():
                why = "no control was run" if beside.shape[1] == 0 else subject.no_control
                estimated[name] = replace(estimated[name], reason=why or "no control could be made")
    if subject.controlled:
        names = REMOVAL if subject.primary else REMOVAL[:1]
        quantities = removal_quantities([effects])
        if subject.primary and subject.whole:
            names = (*names, "variance_share")
            quantities = presence_quantities(None, [effects]).estimates
        estimated |= {name: quantities[name] for name in names}
        for name in names:
            if subject.no_control and estimated[name].reason:
                estimated[name] = replace(estimated[name], reason=subject.no_control)
            if (
                subject.unlike
                and (name == "energy_distance" or not subject.random_shapes)
                and name not in ("specific_effect", "specific_effect_sd", "variance_share")
                and estimated[name].reason is None
            ):
                estimated[name] = replace(estimated[name], reason=subject.unlike)
    if subject.role == "swap":
        quantities = value_quantities(effects).estimates
        estimated |= {name: quantities[name] for name in SWAP}
    return estimated


def largest_nuisance(
    subject: Subject, nuisance: Mapping[str, ImageEffects]
) -> tuple[str, dict[str, Estimate]] | None:
    """Return the nuisance change with the largest RMS effect on the same images.

    Args:
        subject: a change of the whole image.
        nuisance: nuisance changes by condition.

    Returns:
        Its condition, with `nuisance_effect` (its mean effect), `nuisance_rms`, and `ratio`, the
        subject's RMS effect over `nuisance_rms`; None if no nuisance change has an effect.
    """
    images = subject.effects.images
    eligible = np.isfinite(subject.effects.of(subject.role)).any(axis=1)

    def on_same(values: Array) -> Estimate:
        return mean(images, np.where(eligible, row_mean(values), np.nan))

    rms = {
        key: combine(_size, on_same(change.of("nuisance") ** 2)) for key, change in nuisance.items()
    }
    sizes = {
        key: value for key, estimate in rms.items() if (value := point(estimate).value) is not None
    }
    if not sizes:
        return None
    most = max(sizes, key=lambda key: sizes[key])
    rms_of_ablation = estimates(subject)["rms"]
    return most, {
        "nuisance_effect": on_same(nuisance[most].of("nuisance")),
        "nuisance_rms": rms[most],
        "ratio": combine(_ratio, rms_of_ablation, rms[most]),
    }


def _size(square: Array) -> Array:
    return np.sqrt(np.maximum(square, 0))  # resampled zeros may round below 0


def _ratio(ablation: Array, nuisance: Array) -> Array:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(np.asarray(nuisance) > 0, ablation / nuisance, np.nan))
