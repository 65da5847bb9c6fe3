"""Quantities of a model's reliance on a feature: S, M, V, RMS, T and g.

Each quantity is an `Estimate`: a function of means of per-image columns. Prevalence and the
variance of the predictions are therefore resampled with the effects. A weighted mean is the ratio
of two plain means: the weights are in the columns, and `bootstrap` gets none. Averages within an
image (over draws and fills) come first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from memlab.analysis.arrays import ImageEffects
from memlab.analysis.means import (
    combine,
    in_sd,
    mean,
    prevalence,
    ratio,
    root,
    variance_of_predictions,
)
from memlab.analysis.per_image import (
    energy,
    excess_square,
    mean_effect,
    over_fills,
    own_square,
    specific,
    specific_square,
    swap_square,
)
from memlab.stats import Estimate
from memlab.stats.measures import Array

SESOI = 0.05
"""Smallest effect of interest, in SDs of the clean predictions: the scale of S, RMS and g."""
SESOI_T = SESOI**2 / 2
"""Smallest effect of interest as a share of the predictions' variance: the scale of T."""


UNKNOWN = "the rows do not say which images lack the region: test the run again"
"""Why T is missing for rows of earlier versions, which do not say why images were not changed."""


@dataclass(frozen=True)
class Quantities:
    """All quantities of a feature.

    Args:
        estimates: by name, as in `memlab.analysis.effect.BeyondControl`. A removal has `effect`
            (D), `specific_effect` (S), `energy_distance` (M), `rms_effect` (RMS) in units of the
            score, and `squared_effect` (V) in squared units; `specific_effect_sd` and
            `rms_effect_sd` (g) in SDs of the clean predictions. A feature of the data set also has
            `variance_share` (T), a share of their variance. A value feature has V, RMS, T and g.
            `_lower` and `_upper`: the readings with and without the variance between the positions
            of the controls; for a swap, `_upper` is the value if it left no artefact.
        notes: notes for the reader.
    """

    estimates: dict[str, Estimate]
    notes: list[str]


def removal_quantities(removals: Sequence[ImageEffects]) -> dict[str, Estimate]:
    """Return the quantities of a removal, compared with its controls.

    S = mean(D̄ - c̄). M = `mean(mean_k |D - c_k| - mean_{j<k} |c_j - c_k|)`, for testing. V =
    mean((D̄ - c̄)² - s_D²/m - s²/K), where s_D² is the variance of the target's m draws: unbiased
    for the mean squared effect for any noise of the target and of the controls. RMS = sign(V) √|V|;
    nothing is clipped at 0.

    V-, the lower reading, is mean(mean_j (D_j - c̄)² - (1 + 1/K) s²). It also subtracts the variance
    between the positions of the controls, and is 0 if removing the region does the same as removing
    any region like it. V+, the upper reading, is V. If the target has one draw, its noise is not
    known: V+ takes it to be 0, and V is V-, which takes it to be that of the controls.

    Args:
        removals: targets and controls of the same ablation, one per fill.
    """
    effects = over_fills(removals)
    variance = variance_of_predictions(effects.images)

    def average(column: Callable[[ImageEffects], Array]) -> Estimate:
        return _mean_of(effects, column(effects))

    estimates = {
        "effect": average(mean_effect),
        "specific_effect": average(specific),
        "energy_distance": average(energy),
    }
    estimates["specific_effect_sd"] = combine(in_sd, estimates["specific_effect"], variance)
    for reading, column in {
        "": _square,
        "_lower": excess_square,
        "_upper": specific_square,
    }.items():
        square = average(column)
        rms = combine(root, square)
        estimates[f"squared_effect{reading}"] = square
        estimates[f"rms_effect{reading}"] = rms
        estimates[f"rms_effect_sd{reading}"] = combine(in_sd, rms, variance)
    return estimates


def presence_quantities(
    feature: str | None,
    removals: Sequence[ImageEffects],
    insertions: Sequence[ImageEffects] = (),
    swap: ImageEffects | None = None,
) -> Quantities:
    """Return the quantities of a feature that images have or lack: a face, a person, text.

    The quantities of the removal describe the effect on images that have the feature and a control.
    T describes the effect over the data set, the total-effect index (Jansen 1999): [2 p(1 - p)
    V_removal + p² V_swap] / (2 Var f). Here V_removal is over all images whose feature was removed;
    see `removed_square`. `variance_share_insertion` has V_insertion in place of V_removal, and
    `variance_share_both` has the mean of both, for use where an equivalence test
    of `insertion_difference_sd` says that they agree. `exchange_share` is the part of T with
    V_swap; T with the suffix `_presence` is without it.

    Args:
        feature: column of the rows that says which images have the feature; None to count the
            images that have the region according to the rows of the removal.
        removals: targets and controls, one per fill.
        insertions: the feature pasted into images without it, with a neutral patch as control.
        swap: the feature replaced by that of another image, with the round trip.
    """
    images, name = removals[0].images, feature or removals[0].name
    estimates = removal_quantities(removals)
    removed, notes = removed_square(removals), []
    own = estimates["effect"]
    compared, having = estimates["squared_effect"].n or 0, own.n or 0
    if compared < having and own.reason is None:
        assumed = (
            "too few for T"
            if estimates["squared_effect"].reason
            else "T takes the controls of the others to have their mean effect"
        )
        notes.append(f"{name}: {compared} of {having} images have controls; {assumed}")
    share = mean(images, presence(removals[0])) if feature is None else prevalence(images, feature)
    common = [share, variance_of_predictions(images)]
    swapped = _swapped(swap) if swap else None
    exchanged = [] if swapped is None or swapped.reason else [swapped]
    if not exchanged:
        why = f" (swap: {swapped.reason})" if swapped else ""
        notes.append(f"{name}: T covers presence only{why}")

    def total(p: Array, var: Array, v: Array, exchanged: Array | float = 0) -> Array:
        return ratio(2 * p * (1 - p) * v + p**2 * exchanged, 2 * var)

    squares = {"": removed}
    if insertions:
        inserted = removal_quantities(insertions)
        v = inserted["squared_effect"]
        both = combine(_middle, removed, v, n=min(removed.n or 0, v.n or 0))
        squares |= {"_insertion": v, "_both": both}
    for key, v in squares.items():
        parts = [*common, v]
        estimates[f"variance_share{key}"] = combine(total, *parts, *exchanged, n=v.n)
        if exchanged:
            estimates[f"variance_share{key}_presence"] = combine(total, *parts, n=v.n)
    if swapped is not None:
        estimates["exchange_share"] = combine(
            lambda p, var, v: ratio(p**2 * v, 2 * var), *common, swapped, n=swapped.n
        )
    if insertions:
        g = inserted["rms_effect_sd"]
        whole = combine(in_sd, combine(root, removed), common[1])
        estimates["rms_effect_sd_insertion"] = g
        estimates["insertion_difference_sd"] = combine(np.subtract, whole, g)
    return Quantities(estimates, notes)


def removed_square(removals: Sequence[ImageEffects]) -> Estimate:
    """Return V over all images whose region was removed, also those without controls.

    Large regions have no room for controls. V of the images with controls alone would be that of
    small regions, which have other effects. On an image without controls, the effect of a control
    is taken to be the mean over the images that have some: V plus the difference of the means of
    (D̄ - c)² - s_D²/m over all images and over those with controls, where c is this effect. There
    is no value if controls fit in fewer than three images.

    Args:
        removals: targets and controls of the same ablation, one per fill.
    """
    effects = over_fills(removals)
    square = _square(effects)

    def beside(column: Array) -> Estimate:
        return mean(effects.images, np.where(np.isfinite(square), column, np.nan))

    columns = (own_square(effects), mean_effect(effects))
    parts = [mean(effects.images, column) for column in columns] + [*map(beside, columns)]
    control = beside(mean_effect(effects) - specific(effects))

    def total(v: Array, d2: Array, d: Array, of_d2: Array, of_d: Array, c: Array) -> Array:
        return v + (d2 - of_d2) - 2 * c * (d - of_d)

    return combine(total, _mean_of(effects, square), *parts, control, n=parts[0].n)


def value_quantities(swap: ImageEffects) -> Quantities:
    """Return the quantities of a feature's value: palette, spectrum, texture, background.

    V = mean(D² - B²) over the images that have the feature, RMS = sign(V) √|V|, g = RMS in SDs of
    the clean predictions. T over the data set is the total-effect index (Jansen 1999): p² V / (2
    Var f), where p is the share of images that have the feature, because a swap needs the feature
    in the image and in its donor. If the swap changes the whole image, any image can donate, and T
    is p V / (2 Var f); p is 1 unless the swap needs a region in the image. Images that have the
    feature but could not be swapped (no donor, a background that fills the image) count in p and
    are assumed to be like the swapped images. Images that are not annotated for the feature are not
    counted. T+ is T without subtraction, the value if the swap left no artefact.

    Args:
        swap: swaps with values of other images, and their round trips.
    """
    images = swap.images
    variance = variance_of_predictions(images)
    present = mean(images, presence(swap))
    if present.n == 0 and swap.bound and swap.present is None:
        present = replace(present, reason=UNKNOWN)
    moved = _swapped(swap)
    raw = mean(images, swap_square(swap, quiet=True))

    def total(v: Array, var: Array, p: Array) -> Array:
        return ratio(pairs_share(swap, p) * v, 2 * var)

    estimates = {"squared_effect": moved, "rms_effect": combine(root, moved)}
    estimates |= {
        "variance_share": combine(total, moved, variance, present),
        "variance_share_upper": combine(total, raw, variance, present),
        "rms_effect_sd": combine(in_sd, estimates["rms_effect"], variance),
    }
    return Quantities(estimates, [])


def pairs_share(swap: ImageEffects, p: Array) -> Array:
    """Return the share of pairs of image and donor that a swap applies to, from the prevalence."""
    return p**2 if swap.bound else p


def presence(effects: ImageEffects) -> Array:
    """Return which images have the changed region, (n,): 1, 0, or NaN if unknown.

    Rows of earlier versions do not say why an image could not be changed. It may lack the region,
    or have it, so no image is known if one could not be changed.
    """
    if effects.present is not None:
        return effects.present
    if not effects.bound:
        return np.ones(len(effects.images.predicted))
    changed = np.concatenate([effects.of("swap"), effects.of("target")], axis=1)
    could = np.isfinite(changed).any(axis=1)
    every = bool(could[effects.images.audited > 0].all())
    return np.where(could & every, 1.0, np.nan)


def _square(effects: ImageEffects) -> Array:
    """Return the column of V: `excess_square` if one draw does not show the target's noise."""
    repeated = effects.of("target").shape[1] > 1
    return specific_square(effects) if repeated else excess_square(effects)


def _mean_of(effects: ImageEffects, column: Array) -> Estimate:
    """Return the mean of a column; the reason names missing controls."""
    average = mean(effects.images, column)
    if average.n == 0 and np.isfinite(effects.of("target")).any():
        controlled = np.isfinite(effects.of("control")).any()
        why = "one control draw: its variance is unknown" if controlled else "no control draw"
        return replace(average, reason=why)
    removed = np.isfinite(effects.of("target")).any(axis=1) & (effects.images.audited > 0)
    if average.reason and 0 < (average.n or 0) < removed.sum():
        return replace(average, reason=f"{average.reason} with controls")
    return average


def _swapped(swap: ImageEffects) -> Estimate:
    average = mean(swap.images, swap_square(swap))
    if average.n == 0 and np.isfinite(swap.of("swap")).any():
        return replace(average, reason="no draw of the round trip")
    return average


def _middle(one: Array, other: Array) -> Array:
    return (one + other) / 2
