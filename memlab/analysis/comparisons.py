"""Estimates of one ablation, depending on what it is compared with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from memlab.analysis.arrays import Effects
from memlab.analysis.per_image import row_mean
from memlab.analysis.quantities import combine, mean, removal_quantities, value_quantities
from memlab.stats import Estimate
from memlab.stats.bootstrap import point
from memlab.stats.measures import Array

if TYPE_CHECKING:  # imports torch
    from memlab.ablations.base import Control

REMOVAL = ("S", "M", "RMS", "RMS+", "S_sd", "g", "g+")
SWAP = ("V", "RMS", "T", "T+", "g")
UNLIKE = {
    "windows": "off-centre crops are not exchangeable with the centre",
    "blobs": "random shapes are not exchangeable with the region",
}
"""Why M, RMS and g are undefined for some controls, which leaves S alone."""


@dataclass(frozen=True)
class Subject:
    """Ablation at one dose, with the rows of its comparison.

    Args:
        effects: effects in all roles.
        kind: kind of the comparison.
        role: `target`, `swap`, or `floor` for a nuisance change.
        primary: whether this is the tested dose.
        blobs: whether its controls are random shapes of the region's area.
        no_control: why no image has a control; None if some image has one.
    """

    effects: Effects
    kind: Control
    role: str
    primary: bool
    blobs: bool = False
    no_control: str | None = None

    @property
    def beside_floor(self) -> bool:
        """Whether the ablation is compared with the nuisance baseline, for lack of a control."""
        alone = self.kind == "floor" or (self.kind == "placed" and self.no_control is not None)
        return self.role == "target" and alone

    @property
    def controlled(self) -> bool:
        """Whether the ablation has its own controls, which are subtracted from its effect."""
        return self.role == "target" and self.kind in ("placed", "windows", "patch")

    @property
    def unlike(self) -> str | None:
        """Why the controls are not exchangeable with the target; None if they are.

        All quantities but S need exchangeability. Otherwise target and controls differ in shape or
        position even without an effect. Their distance then carries no information, and S, tested
        over images, estimates the difference of both.
        """
        return UNLIKE.get("blobs" if self.blobs else self.kind) if self.controlled else None

    @property
    def against(self) -> str:
        """Role of the comparison."""
        return "there-and-back" if self.role == "swap" else "control"


def estimates(subject: Subject) -> dict[str, Estimate]:
    """Return all estimates of an ablation and its own controls.

    `D` is the mean effect and `rms` the root mean square effect, over all eligible images. Over the
    images that have both, `control` is the mean effect of the comparison and `D with control` the
    mean effect of the ablation. The primary dose has all of `REMOVAL`, other doses S alone; a swap
    has `SWAP`.
    """
    effects, images = subject.effects, subject.effects.images
    own = effects.drop(subject.role)
    found = {
        "D": mean(images, row_mean(own)),
        "rms": combine(_size, mean(images, row_mean(own**2))),
    }
    if subject.controlled or subject.role == "swap":
        beside = effects.drop(subject.against)
        drops, controls = row_mean(own), row_mean(beside)
        both = np.isfinite(drops) & np.isfinite(controls)
        for name, values in (("control", controls), ("D with control", drops)):
            found[name] = mean(images, np.where(both, values, np.nan))
            if not both.any():
                why = "no control was run" if beside.shape[1] == 0 else subject.no_control
                found[name] = replace(found[name], reason=why or "no control could be made")
    if subject.controlled:
        quantities = removal_quantities([effects])
        found |= {name: quantities[name] for name in (REMOVAL if subject.primary else ("S",))}
        for name in {*REMOVAL, "S"} & found.keys():
            if subject.no_control and found[name].reason:
                found[name] = replace(found[name], reason=subject.no_control)
            if name not in ("S", "S_sd") and subject.unlike and found[name].reason is None:
                found[name] = replace(found[name], reason=subject.unlike)
    if subject.role == "swap":
        quantities = value_quantities(effects).estimates
        found |= {name: quantities[name] for name in SWAP}
    return found


def largest_floor(
    subject: Subject, floor: Mapping[str, Effects]
) -> tuple[str, dict[str, Estimate]] | None:
    """Return the nuisance change with the largest RMS effect on the same images.

    Args:
        subject: a change of the whole image.
        floor: nuisance changes by condition.

    Returns:
        Its condition, with `control` (its mean effect), `floor_rms`, and `ratio`, the subject's RMS
        effect over `floor_rms`; None if no nuisance change has an effect.
    """
    images = subject.effects.images
    eligible = np.isfinite(subject.effects.drop(subject.role)).any(axis=1)

    def on_same(values: Array) -> Estimate:
        return mean(images, np.where(eligible, row_mean(values), np.nan))

    found = {key: combine(_size, on_same(each.drop("floor") ** 2)) for key, each in floor.items()}
    sizes = {key: value for key, one in found.items() if (value := point(one).value) is not None}
    if not sizes:
        return None
    most = max(sizes, key=lambda key: sizes[key])
    own = estimates(subject)["rms"]
    return most, {
        "control": on_same(floor[most].drop("floor")),
        "floor_rms": found[most],
        "ratio": combine(_ratio, own, found[most]),
    }


def _size(square: Array) -> Array:
    return np.sqrt(np.maximum(square, 0))  # resampled zeros may round below 0


def _ratio(own: Array, floor: Array) -> Array:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(np.asarray(floor) > 0, own / floor, np.nan))
