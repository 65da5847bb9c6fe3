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

from memlab.analysis.arrays import ImageEffects, Images
from memlab.analysis.per_image import (
    energy,
    mean_effect,
    row_mean,
    specific,
    specific_square,
    swap_square,
)
from memlab.stats import Estimate
from memlab.stats.measures import Array, constant

SESOI = 0.05
"""Smallest effect of interest, in SDs of the clean predictions: the scale of S, RMS and g."""
SESOI_T = SESOI**2 / 2
"""Smallest effect of interest as a share of the predictions' variance: the scale of T."""


@dataclass(frozen=True)
class Quantities:
    """All quantities of a feature.

    Args:
        estimates: by name, as in `memlab.analysis.effect.BeyondControl`. A removal has `effect`
            (D), `specific_effect` (S), `energy_distance` (M), `rms_effect` (RMS) in units of the
            score, and `squared_effect` (V) in squared units; `specific_effect_sd` and
            `rms_effect_sd` (g) in SDs of the clean predictions. A feature of the data set also has
            `variance_share` (T), a share of their variance. A value feature has V, RMS, T and g.
            `_upper`: the value without noise of the ablation itself.
        notes: notes for the reader.
    """

    estimates: dict[str, Estimate]
    notes: list[str]


def removal_quantities(removals: Sequence[ImageEffects]) -> dict[str, Estimate]:
    """Return the quantities of a removal, compared with its controls.

    S = mean(D - c̄). M = `mean(mean_k |D - c_k| - mean_{j<k} |c_j - c_k|)`, for testing. V =
    mean((D - c̄)² - (1 + 1/K) s²), unbiased for the mean squared effect if the target has the same
    noise as the controls. V+ = mean((D - c̄)² - s²/K), the value if the target has no noise. RMS =
    sign(V) √|V|; nothing is clipped at 0.

    Args:
        removals: targets and controls of the same ablation, one per fill.
    """
    variance = variance_of_predictions(removals[0].images)
    estimates = {
        "effect": _mean_over(removals, mean_effect),
        "specific_effect": _mean_over(removals, specific),
        "energy_distance": _mean_over(removals, energy),
        "squared_effect": _mean_over(removals, specific_square),
        "squared_effect_upper": _mean_over(
            removals, lambda effects: specific_square(effects, quiet=True)
        ),
    }
    estimates["rms_effect"] = combine(_root, estimates["squared_effect"])
    estimates["rms_effect_upper"] = combine(_root, estimates["squared_effect_upper"])
    for name, unscaled in {
        "specific_effect_sd": "specific_effect",
        "rms_effect_sd": "rms_effect",
        "rms_effect_sd_upper": "rms_effect_upper",
    }.items():
        estimates[name] = combine(_in_sd, estimates[unscaled], variance)
    return estimates


def presence_quantities(
    feature: str,
    removals: Sequence[ImageEffects],
    insertions: Sequence[ImageEffects] = (),
    swap: ImageEffects | None = None,
) -> Quantities:
    """Return the quantities of a feature that images have or lack: a face, a person, text.

    The quantities of the removal describe the effect on images that have the feature. T describes
    the effect over the data set, the total-effect index (Jansen 1999): [p(1 - p)(V_removal +
    V_insertion) + p² V_swap] / (2 Var f).

    Args:
        feature: column of the rows that says which images have the feature.
        removals: targets and controls, one per fill.
        insertions: the feature pasted into images without it, with a neutral patch as control.
        swap: the feature replaced by that of another image, with the round trip.
    """
    images = removals[0].images
    estimates = removal_quantities(removals)
    removed, notes = estimates["squared_effect"], []
    have = int((images.present(feature) * (images.audited > 0)).sum())
    if removed.n and removed.n < have:
        notes.append(
            f"{feature}: {removed.n} of the {have} images that have it could be compared with "
            "controls; T takes the others to be like them"
        )

    inserted = _mean_over(insertions, specific_square) if insertions else None
    if inserted is None or inserted.reason:
        why = inserted.reason if inserted else "not run"
        notes.append(f"{feature}: insertion: {why}; in T, removal counts twice")
        inserted = removed
    parts = [
        prevalence(images, feature),
        variance_of_predictions(images),
        removed,
        inserted,
    ]
    swapped = _swapped(swap) if swap else None
    if swapped is None or swapped.reason:
        why = swapped.reason if swapped else "not run"
        notes.append(f"{feature}: swap: {why}; T covers presence only")
    else:
        parts.append(swapped)

    def total(p: Array, var: Array, out: Array, into: Array, exchanged: Array | float = 0) -> Array:
        return _ratio(p * (1 - p) * (out + into) + p**2 * exchanged, 2 * var)

    estimates["variance_share"] = combine(total, *parts, n=removed.n)
    return Quantities(estimates, notes)


def value_quantities(swap: ImageEffects) -> Quantities:
    """Return the quantities of a feature's value: palette, spectrum, texture, background.

    V = mean(D² - B²) over the images that have the feature, RMS = sign(V) √|V|, g = RMS in SDs of
    the clean predictions. T over the data set is the total-effect index (Jansen 1999): p² V / (2
    Var f), where p is the share of images that have the feature, because a swap needs the feature
    in the image and in its donor. p is 1 unless the swap is bound to a region. Images that have the
    feature but could not be swapped (no donor, a background that fills the image) count in p and
    are assumed to be like the swapped images. Images that are not annotated for the feature are not
    counted. T+ is T without subtraction, the value if the swap left no artefact.

    Args:
        swap: swaps with values of other images, and their round trips.
    """
    images = swap.images
    variance = variance_of_predictions(images)
    present = mean(images, presence(swap))
    moved = _swapped(swap)
    raw = mean(images, swap_square(swap, quiet=True))

    def total(v: Array, var: Array, p: Array) -> Array:
        return _ratio(p**2 * v, 2 * var)

    estimates = {"squared_effect": moved, "rms_effect": combine(_root, moved)}
    estimates |= {
        "variance_share": combine(total, moved, variance, present),
        "variance_share_upper": combine(total, raw, variance, present),
        "rms_effect_sd": combine(_in_sd, estimates["rms_effect"], variance),
    }
    return Quantities(estimates, [])


def presence(swap: ImageEffects) -> Array:
    """Return which images have the swapped feature, (n,): 1, 0, or NaN if unknown."""
    if not swap.bound:
        return np.ones(len(swap.images.predicted))
    if swap.present is not None:
        return swap.present
    return np.isfinite(swap.of("swap")).any(axis=1).astype(float)


def mean(images: Images, values: Array) -> Estimate:
    """Return the weighted mean over the audited images that have a value.

    Args:
        images: n images.
        values: (n,), NaN for images that do not contribute.
    """
    eligible = np.isfinite(values) & (images.audited > 0)
    weight = np.where(eligible, images.audited, 0.0)
    columns = np.stack([weight * np.where(eligible, values, 0.0), weight], axis=1)
    n = int(eligible.sum())
    reason = "no eligible image" if n == 0 else f"only {n} image{'s' * (n > 1)}" if n < 3 else None
    return Estimate(columns, lambda means: _ratio(means[..., 0], means[..., 1]), n, reason)


def prevalence(images: Images, feature: str) -> Estimate:
    """Return the weighted share of the whole table's images that have a feature."""
    present, weight = images.present(feature), images.weight
    columns = np.stack([weight * present, weight], axis=1)
    return Estimate(columns, lambda means: _ratio(means[..., 0], means[..., 1]), len(weight))


def variance_of_predictions(images: Images) -> Estimate:
    """Return the weighted variance of the clean predictions over the whole table, with n - 1."""
    f, weight = images.predicted, images.weight
    n = len(f)
    reason = f"only {n} image{'s' * (n > 1)}" if n < 3 else None
    if reason is None and constant(f):
        reason = "predictions are constant"
    f = f - (f.mean() if n else 0)  # less cancellation in m2 - m1²
    columns = np.stack([weight, weight * f, weight * f**2], axis=1)

    def of(means: Array) -> Array:
        first = _ratio(means[..., 1], means[..., 0])
        square = _ratio(means[..., 2], means[..., 0])
        return (square - first**2) * (n / max(n - 1, 1))

    return Estimate(columns, of, n, reason)


def combine(function: Callable[..., Array], *parts: Estimate, n: int | None = None) -> Estimate:
    """Return a function of estimates as an estimate; without a value if a part has none.

    Args:
        function: function from arrays of the parts' values to an array of values.
        parts: estimates over the same images.
        n: number of images that contribute; by default that of the first part.
    """
    ends = np.cumsum([part.columns.shape[1] for part in parts])[:-1]

    def combined(means: Array) -> Array:
        split = np.split(means, ends, axis=-1)
        return function(*(part.of(columns) for part, columns in zip(parts, split, strict=True)))

    columns = np.concatenate([part.columns for part in parts], axis=1)
    reason = next((part.reason for part in parts if part.reason), None)
    return Estimate(columns, combined, parts[0].n if n is None else n, reason)


def _mean_over(fills: Sequence[ImageEffects], column: Callable[[ImageEffects], Array]) -> Estimate:
    """Return the mean of a column, averaged over fills first; the reason names missing controls."""
    average = mean(
        fills[0].images, row_mean(np.stack([column(effects) for effects in fills], axis=1))
    )
    if average.n == 0 and any(np.isfinite(effects.of("target")).any() for effects in fills):
        controlled = any(np.isfinite(effects.of("control")).any() for effects in fills)
        why = "one control draw: its variance is unknown" if controlled else "no control draw"
        return replace(average, reason=why)
    return average


def _swapped(swap: ImageEffects) -> Estimate:
    average = mean(swap.images, swap_square(swap))
    if average.n == 0 and np.isfinite(swap.of("swap")).any():
        return replace(average, reason="no draw of the round trip")
    return average


def _root(v: Array) -> Array:
    return np.asarray(np.sign(v) * np.sqrt(np.abs(v)))


def _in_sd(effect: Array, variance: Array) -> Array:
    return _ratio(effect, np.sqrt(np.maximum(variance, 0)))


def _ratio(over: Array, under: Array) -> Array:
    with np.errstate(invalid="ignore", divide="ignore"):  # NaN where undefined
        return np.asarray(np.where(np.asarray(under) > 0, over / under, np.nan))
