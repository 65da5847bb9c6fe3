"""What a test says of one ablation: estimates, by what it is compared with."""

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

if TYPE_CHECKING:  # it imports torch
    from memlab.ablations.base import Control

REMOVAL = ("S", "M", "RMS", "RMS+", "S_sd", "g", "g+")
SWAP = ("V", "RMS", "T", "T+", "g")
UNLIKE = {
    "windows": "off-centre crops are not exchangeable with the centre",
    "blobs": "random shapes are not exchangeable with the region",
}
"""Why of some comparisons S alone can be had: what M, RMS and g take for granted."""


@dataclass(frozen=True)
class Subject:
    """An ablation at one dose, with the rows of what it is compared with.

    Args:
        effects: drops of all its roles.
        kind: what it is compared with.
        role: `target`, `swap`, or `floor` for a nuisance change.
        primary: whether this is the dose that is tested.
        blobs: whether its controls are random shapes of the region's area.
        no_control: why no image has a control; None where one has.
    """

    effects: Effects
    kind: Control
    role: str
    primary: bool
    blobs: bool = False
    no_control: str | None = None

    @property
    def beside_floor(self) -> bool:
        """Whether it is compared with the nuisance baseline, for want of controls of its own."""
        alone = self.kind == "floor" or (self.kind == "placed" and self.no_control is not None)
        return self.role == "target" and alone

    @property
    def controlled(self) -> bool:
        """Whether controls of its own are subtracted from its effect."""
        return self.role == "target" and self.kind in ("placed", "windows", "patch")

    @property
    def unlike(self) -> str | None:
        """Why its controls are not exchangeable with it, as all but S needs; None where they are.

        Target and controls then differ by their shape, or by where they lie, without any effect. So
        their distance says nothing, and S, tested over images, what the difference of both is.
        """
        return UNLIKE.get("blobs" if self.blobs else self.kind) if self.controlled else None

    @property
    def against(self) -> str:
        """The role of what it is compared with."""
        return "there-and-back" if self.role == "swap" else "control"


def estimates(subject: Subject) -> dict[str, Estimate]:
    """All that is estimated of an ablation by itself and its own controls.

    `D` is the mean drop and `rms` its root mean square, over all eligible images. Over those that
    have both, `control` is the mean drop of what it is compared with, and `D with control` its own.
    At the primary dose all of `REMOVAL`, at others S alone; of a swap `SWAP`.
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
    """The nuisance change that moves the scores of the same images most.

    Args:
        subject: a change of the whole image.
        floor: nuisance changes by condition.

    Returns:
        Its condition, with `control` (its mean drop), `floor_rms`, and `ratio`, the subject's RMS
        over it; None where no nuisance change has a drop.
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
    return np.sqrt(np.maximum(square, 0))  # rounding of resampled zeros


def _ratio(own: Array, floor: Array) -> Array:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(np.asarray(floor) > 0, own / floor, np.nan))
