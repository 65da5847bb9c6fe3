"""What an audit can detect, from the noise that its trial measured. No torch."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from memlab.ablations.plan import Condition
from memlab.audit.protocol import Protocol
from memlab.audit.trial import Trial, kind_of
from memlab.stats.planning import POWER, detectable, images_to_exclude

LEAST = 20
"""Fewest images for any claim."""
FEWEST = 3
"""Fewest images of the trial whose effects tell anything about their spread."""
_Array = NDArray[np.float64]


@dataclass(frozen=True)
class FeaturePower:
    """Size of effect that the plan can tell, in SDs of the predictions.

    Args:
        detectable: smallest effect that is detected with probability .8: of the signed effect of a
            presence feature, of g = √(2 T) of a value feature. None if the trial cannot tell.
        to_exclude: images that can be changed at which "does not rely" is reached with probability
            .8 if there is no effect. None if the trial cannot tell, or no number suffices.
        compared: audited images that are expected to have a control, at the share of the trial.
        images: number of images of the trial that it rests on.
    """

    detectable: float | None
    to_exclude: int | None
    compared: int
    images: int


@dataclass(frozen=True)
class Noise:
    """Effects and noise of a trial, in SDs of the predictions.

    Args:
        trial: the trial.
        effects: effects by condition, (images, draws), NaN: none.
        specific: effects of removals beyond their controls, pooled over regions.
        target: variance of a removal between its draws; None if it was drawn once.
        control: variance of a control between its draws; None if there are no controls.
    """

    trial: Trial
    effects: dict[str, _Array]
    specific: _Array
    target: float | None
    control: float | None


def power_of(
    protocol: Protocol, conditions: Sequence[Condition], images: int, noise: Noise
) -> FeaturePower:
    """Return what a number of images of a feature can tell.

    Noise of removals is pooled over the regions of the trial, because a few images have each
    region.

    Args:
        protocol: the protocol.
        conditions: conditions of the feature; the first is its main operator.
        images: number of audited images that the operator can change.
        noise: what the trial measured; see `noise_of`.
    """
    if noise.trial.sd == 0:
        return FeaturePower(None, None, images, 0)
    compared = round(images * _share(conditions[0], noise))
    if compared == 0:
        return FeaturePower(None, None, 0, 0)
    if conditions[0].role == "swap":
        return _of_swap(protocol, conditions[0], compared, noise)
    return _of_removals(protocol, compared, noise)


def _share(main: Condition, noise: Noise) -> float:
    """Return the share of the images of the trial that were changed and compared."""
    role = "round-trip" if main.role == "swap" else "control"
    of = noise.trial.seconds.get(kind_of(main))
    if of is None or of.images == 0:
        return 1.0
    keys = (main.key, f"{main.key.removesuffix(f':{main.role}')}:{role}")
    changed, compared = (np.isfinite(_effects(noise, key)).all(axis=1) for key in keys)
    return min(1.0, float((changed & compared).sum()) / of.images)


def _of_swap(protocol: Protocol, swap: Condition, images: int, noise: Noise) -> FeaturePower:
    """Return the power of a swap: without an effect, swaps have the noise of their round trips.

    T = mean(D² - B²) / 2 then has a variance of 2 Var(B²) / (4 K n), with the variance within
    images. With an effect, T also varies between images, with an SD of about T itself.
    """
    back = _effects(noise, swap.key.removesuffix(":swap") + ":round-trip") ** 2
    back = back[np.isfinite(back).all(axis=1)]
    if len(back) < FEWEST or back.shape[1] < 2:
        return FeaturePower(None, None, images, len(back))
    sd = math.sqrt(float(back.var(axis=1, ddof=1).mean()) / (2 * protocol.swap_draws))
    multiple = detectable(1.0)
    left = images - multiple**2
    smallest = math.sqrt(2 * multiple * sd / math.sqrt(left)) if left > 0 else None
    quantile = float(ndtri(protocol.level / 2 + 0.5) + ndtri(POWER))
    needed = math.ceil((quantile * sd / (protocol.sesoi**2 / 2)) ** 2)
    return FeaturePower(smallest, max(needed, LEAST), images, len(back))


def _of_removals(protocol: Protocol, images: int, noise: Noise) -> FeaturePower:
    found, control = noise.specific, noise.control
    if len(found) < FEWEST or control is None:
        return FeaturePower(None, None, images, len(found))
    target = control if noise.target is None else noise.target
    spread = max(float(found.var(ddof=1)) - target / 2 - control / 2, 0.0)
    variance = spread + target / protocol.target_draws + control / protocol.draws
    needed = images_to_exclude(
        protocol.draws,
        math.sqrt(control),
        protocol.sesoi,
        sd_images=math.sqrt(max(control - target, 0.0)),  # controls differ in their positions, too
        target_draws=protocol.target_draws,
        sd_target=math.sqrt(target),
    )
    needed = None if needed is None else max(needed, LEAST)
    return FeaturePower(detectable(math.sqrt(variance / images)), needed, images, len(found))


def noise_of(trial: Trial) -> Noise:
    """Return what a trial measured, with the effects of removals averaged over fills.

    The audit averages a draw of a removal over its fills, too. All effects are 0 if all predictions
    are equal.
    """
    if trial.sd == 0:
        return Noise(trial, {}, np.empty(0), None, None)
    changed, clean = trial.changed, trial.clean.set_index("id")["predicted"]
    ids = changed["id"].unique()
    own = clean.reindex(ids).to_numpy(dtype=float)[:, None]
    effects = {}
    for key, rows in changed.groupby("condition", sort=False):
        table = rows.pivot(index="id", columns="draw", values="predicted").reindex(ids)
        effects[str(key)] = np.asarray((own - table.to_numpy(dtype=float)) / trial.sd)
    is_primary = (changed["role"] == "target") & (changed["compared_with"] == "matched-control")
    specific: list[_Array] = []
    noises: dict[str, list[_Array]] = {"target": [], "control": []}
    for _, fills in changed[is_primary].groupby(["ablation", "region"], sort=False):
        keys = fills["condition"].unique()
        target = _over_fills(effects, keys)
        control = _over_fills(effects, [f"{key}:control" for key in keys])
        if target is None or control is None:
            continue
        by_role = {"target": target, "control": control}
        both = np.logical_and.reduce([np.isfinite(one).all(axis=1) for one in by_role.values()])
        specific.append((target.mean(axis=1) - control.mean(axis=1))[both])
        for role, values in by_role.items():
            if values.shape[1] > 1:
                noises[role].append(values[both].var(axis=1, ddof=1))
    means = {
        role: float(np.concatenate(parts).mean()) if parts and sum(map(len, parts)) else None
        for role, parts in noises.items()
    }
    pooled = np.concatenate([np.empty(0), *specific])
    return Noise(trial, effects, pooled, means["target"], means["control"])


def _over_fills(effects: Mapping[str, _Array], keys: Iterable[str]) -> _Array | None:
    """Return the effects averaged over fills, by draw; None if no condition was run."""
    there = [effects[key] for key in keys if key in effects]
    if not there:
        return None
    draws = min(one.shape[1] for one in there)
    return np.asarray(np.mean([one[:, :draws] for one in there], axis=0))


def _effects(noise: Noise, key: str) -> _Array:
    """Return the effects of a condition; without draws if it was not run."""
    nothing = np.empty((noise.trial.images, 0))
    return noise.effects.get(key, nothing)
