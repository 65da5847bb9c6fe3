"""What a test says of one ablation: estimates by what it is compared with, and p-values of all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from memlab.audit.effects import occlusions, row_mean
from memlab.audit.quantities import combine, mean, removal_quantities, value_quantities
from memlab.audit.rows import Effects
from memlab.audit.statistics import Estimate, holm, relabelling
from memlab.audit.statistics.bootstrap import point
from memlab.audit.statistics.intervals import Resampled
from memlab.metrics.functional import Array

if TYPE_CHECKING:  # it imports torch
    from memlab.ablations.base import Control

REMOVAL = ("S", "M", "RMS", "RMS+", "S_sd", "g", "g+")
SWAP = ("V", "RMS", "T", "T+", "g")
UNLIKE = {
    "windows": "windows elsewhere are not exchangeable with the middle",
    "blobs": "blobs are not exchangeable with the region",
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
    """

    effects: Effects
    kind: Control
    role: str
    primary: bool
    blobs: bool = False

    @property
    def controlled(self) -> bool:
        """Whether controls of its own are subtracted from its effect."""
        return self.role == "target" and self.kind in ("placed", "windows", "patch")

    @property
    def unlike(self) -> str | None:
        """Why its controls are not exchangeable with it, as all but S needs; None where they are.

        Target and controls then differ by their shape, or by where they lie, without any effect. So
        their distance says nothing, and S, tested over pictures, what the difference of both is.
        """
        return UNLIKE.get("blobs" if self.blobs else self.kind) if self.controlled else None

    @property
    def against(self) -> str:
        """The role of what it is compared with."""
        return "there-and-back" if self.role == "swap" else "control"


@dataclass(frozen=True)
class Tested:
    """A p-value, or the reason why there is none.

    Args:
        statistic: what was tested, in words.
        n: pictures that bear on it.
        p: of this ablation alone.
        p_corrected: for all primary ablations of the test together (Holm).
        p_max_t: for the ablations with controls of their own together, by max-T; None for others.
        method: how p was found.
        reason: why there is none.
    """

    statistic: str
    n: int
    p: float | None = None
    p_corrected: float | None = None
    p_max_t: float | None = None
    method: str | None = None
    reason: str | None = None


def estimates(subject: Subject) -> dict[str, Estimate]:
    """All that is estimated of an ablation by itself and its own controls.

    `D` is the mean drop and `rms` its root mean square, over all eligible pictures. Over those that
    have both, `control` is the mean drop of what it is compared with, and `D with control` its own.
    At the primary dose all of `REMOVAL`, at others S alone; of a swap `SWAP`.
    """
    effects, pictures = subject.effects, subject.effects.pictures
    own = effects.drop(subject.role)
    found = {
        "D": mean(pictures, row_mean(own)),
        "rms": combine(_size, mean(pictures, row_mean(own**2))),
    }
    if subject.controlled or subject.role == "swap":
        beside = effects.drop(subject.against)
        drops, controls = row_mean(own), row_mean(beside)
        both = np.isfinite(drops) & np.isfinite(controls)
        for name, values in (("control", controls), ("D with control", drops)):
            found[name] = mean(pictures, np.where(both, values, np.nan))
            if not both.any():
                why = "no control was run" if beside.shape[1] == 0 else "no control could be made"
                found[name] = replace(found[name], reason=why)
    if subject.controlled:
        quantities = removal_quantities([effects])
        found |= {name: quantities[name] for name in (REMOVAL if subject.primary else ("S",))}
        for name in {"M", "RMS", "RMS+", "g", "g+"} & found.keys():
            if subject.unlike and found[name].reason is None:
                found[name] = replace(found[name], reason=subject.unlike)
    if subject.role == "swap":
        quantities = value_quantities(effects).estimates
        found |= {name: quantities[name] for name in SWAP}
    return found


def largest_floor(
    subject: Subject, floor: Mapping[str, Effects]
) -> tuple[str, dict[str, Estimate]] | None:
    """The nuisance change that moves the scores of the same pictures most.

    Args:
        subject: a change of the whole picture.
        floor: nuisance changes by condition.

    Returns:
        Its condition, with `control` (its mean drop), `floor_rms`, and `ratio`, the subject's RMS
        over it; None where no nuisance change has a drop.
    """
    pictures = subject.effects.pictures
    eligible = np.isfinite(subject.effects.drop(subject.role)).any(axis=1)

    def on_same(values: Array) -> Estimate:
        return mean(pictures, np.where(eligible, row_mean(values), np.nan))

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


def tests(
    subjects: Mapping[str, Subject], found: Mapping[str, Mapping[str, Resampled]], seed: int
) -> dict[str, Tested]:
    """p-values of all primary ablations, corrected together.

    An ablation with controls of its own is tested by relabelling, or by whether S is 0 where these
    are not exchangeable with it, a swap by whether T is above 0, a change of the whole picture by
    whether its mean drop is 0: the floor is no null hypothesis.

    Holm's correction takes the raw p-values of all three kinds, since it is valid however they
    depend on each other. Max-T over the ablations with controls is sharper, but holds for them
    alone: corrected again it would be corrected twice, and mixed with Holm's for the others the
    chance of any false alarm among all would be up to twice what is said. It is kept beside.

    Args:
        subjects: by condition; those not primary, and nuisance changes, are not tested.
        found: condition to its resampled estimates, by the names of `estimates`.
        seed: of the relabelling.
    """
    tested = {
        key: subject
        for key, subject in subjects.items()
        if subject.primary and subject.role != "floor"
    }
    raw = _relabelled({k: s for k, s in tested.items() if s.controlled and not s.unlike}, seed)
    for key, subject in tested.items():
        if key in raw:
            continue
        if subject.role == "swap":
            share = found[key]["T"]
            statistic = share.interval()
            p = share.p_above(0)
            raw[key] = Tested("T above 0", statistic.n, p)
        else:
            drop = found[key]["S" if subject.controlled else "D"]
            statistic = drop.interval()
            ends = [p for p in (drop.p_above(0), drop.p_below(0)) if p is not None]
            p = min(1.0, 2 * min(ends)) if ends else None
            what = "S not 0" if subject.controlled else "any effect: mean drop not 0"
            raw[key] = Tested(what, statistic.n, p)
        if p is None:
            raw[key] = replace(raw[key], reason=statistic.reason)
        else:
            raw[key] = replace(raw[key], method=f"inverted interval: {statistic.method}")
    corrected = holm([raw[key].p for key in tested])
    return {
        key: replace(raw[key], p_corrected=value)
        for key, value in zip(tested, corrected, strict=True)
    }


def _relabelled(subjects: Mapping[str, Subject], seed: int) -> dict[str, Tested]:
    if not subjects:
        return {}
    target, control = occlusions([[subject.effects] for subject in subjects.values()])
    found = relabelling(target, control, seed).either
    statistic = "beyond the controls: the larger of M and |S|"
    return {
        key: Tested(statistic, one.n, one.p, None, one.p_all, one.method, one.reason)
        for key, one in zip(subjects, found, strict=True)
    }


def _size(square: Array) -> Array:
    return np.sqrt(np.maximum(square, 0))  # rounding of resampled zeros


def _ratio(own: Array, floor: Array) -> Array:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(np.asarray(floor) > 0, own / floor, np.nan))
