"""What an audit can detect, from the noise that its trial measured. No torch."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
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


def power_of(
    protocol: Protocol, conditions: Sequence[Condition], images: int, trial: Trial
) -> FeaturePower:
    """Return what a number of images of a feature can tell.

    Noise of removals is pooled over the regions of the trial, because a few images have each
    region.

    Args:
        protocol: the protocol.
        conditions: conditions of the feature; the first is its main operator.
        images: number of audited images that the operator can change.
        trial: measured noise.
    """
    if trial.sd == 0:
        return FeaturePower(None, None, images, 0)
    compared = round(images * _share(conditions[0], trial))
    if compared == 0:
        return FeaturePower(None, None, 0, 0)
    if conditions[0].role == "swap":
        return _of_swap(protocol, conditions[0], compared, trial)
    return _of_removals(protocol, compared, trial)


def _share(main: Condition, trial: Trial) -> float:
    """Return the share of the images of the trial that were changed and compared."""
    role = "round-trip" if main.role == "swap" else "control"
    of = trial.seconds.get(kind_of(main))
    if of is None or of.images == 0:
        return 1.0
    keys = (main.key, f"{main.key.removesuffix(f':{main.role}')}:{role}")
    changed, compared = (np.isfinite(_effects(trial, key)).all(axis=1) for key in keys)
    return min(1.0, float((changed & compared).sum()) / of.images)


def _of_swap(protocol: Protocol, swap: Condition, images: int, trial: Trial) -> FeaturePower:
    """Return the power of a swap: without an effect, swaps have the noise of their round trips.

    T = mean(D² - B²) / 2 then has a variance of 2 Var(B²) / (4 K n), with the variance within
    images. With an effect, T also varies between images, with an SD of about T itself.
    """
    back = _effects(trial, swap.key.removesuffix(":swap") + ":round-trip") ** 2
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


def _of_removals(protocol: Protocol, images: int, trial: Trial) -> FeaturePower:
    """Return the power of a removal, whose effects are averaged over fills, as in the audit."""
    changed = trial.changed
    primary = changed[
        (changed["role"] == "target") & (changed["compared_with"] == "matched-control")
    ]
    specific: list[_Array] = []
    noises: dict[str, list[_Array]] = {"target": [], "control": []}
    for _, fills in primary.groupby(["ablation", "region"], sort=False):
        keys = fills["condition"].unique()
        by_role = {
            "target": _over_fills(trial, keys),
            "control": _over_fills(trial, [f"{key}:control" for key in keys]),
        }
        if not by_role["control"].shape[1]:
            continue
        both = np.logical_and.reduce([np.isfinite(one).all(axis=1) for one in by_role.values()])
        specific.append((by_role["target"].mean(axis=1) - by_role["control"].mean(axis=1))[both])
        for role, effects in by_role.items():
            if effects.shape[1] > 1:
                noises[role].append(effects[both].var(axis=1, ddof=1))
    found = np.concatenate([np.empty(0), *specific])
    if len(found) < FEWEST or not noises["control"]:
        return FeaturePower(None, None, images, len(found))
    control = float(np.concatenate(noises["control"]).mean())
    target = float(np.concatenate(noises["target"]).mean()) if noises["target"] else control
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


def _over_fills(trial: Trial, keys: Iterable[str]) -> _Array:
    """Return the effects averaged over fills: a draw has one position with any fill."""
    effects = [one for key in keys if (one := _effects(trial, key)).shape[1]]
    if not effects:
        return np.empty((trial.images, 0))
    draws = min(one.shape[1] for one in effects)
    return np.asarray(np.mean([one[:, :draws] for one in effects], axis=0))


def _effects(trial: Trial, key: str) -> _Array:
    """Return the effects of a condition in the trial, in SDs: (images, draws), NaN: none."""
    rows = trial.changed[trial.changed["condition"] == key]
    table = rows.pivot(index="id", columns="draw", values="predicted")
    table = table.reindex(trial.changed["id"].unique())
    clean = trial.clean.set_index("id")["predicted"].reindex(table.index)
    effects = (clean.to_numpy(dtype=float)[:, None] - table.to_numpy(dtype=float)) / trial.sd
    return np.asarray(effects, dtype=float)
