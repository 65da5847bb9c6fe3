"""How much a model relies on a feature, as numbers: S, M, V, RMS, T and g.

Each is an `Estimate`: means of per-image columns and a function of these means, so that prevalence
and the variance of the predictions are resampled with the effects. A weighted mean is the ratio of
two plain ones: weights are in the columns, and `bootstrap` is given none. Averages within an image
(over draws and fills) come first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from memlab.analysis.arrays import Effects, Images
from memlab.analysis.per_image import (
    dropped,
    energy,
    row_mean,
    specific,
    specific_square,
    swap_square,
)
from memlab.stats import Estimate
from memlab.stats.measures import Array, constant

SESOI = 0.05
"""Smallest effect size of interest, in SDs of the clean predictions: the scale of S, RMS and g."""
SESOI_T = SESOI**2 / 2
"""The same as a share of the predictions' variance: the scale of T."""


@dataclass(frozen=True)
class Quantities:
    """All that is said of a feature's size.

    Args:
        estimates: by name: `D`, `S`, `M`, `RMS`, `RMS+` in units of the score, `V`, `V+` in their
            square; `S_sd`, `g`, `g+` in SDs of the clean predictions; `T` a share of their
            variance. Of a value feature `V`, `T`, `T+` and `g`.
        notes: sentences a reader must know.
    """

    estimates: dict[str, Estimate]
    notes: list[str]


def removal_quantities(removals: Sequence[Effects]) -> dict[str, Estimate]:
    """What a change does where it is made, beyond its controls.

    S = mean(D - c̄). M = `mean(mean_k |D - c_k| - mean_{j<k} |c_j - c_k|)`, for testing.
    V = mean((D - c̄)² - (1 + 1/K) s²), unbiased for the mean squared effect if the target has the
    controls' own noise; V+ = mean((D - c̄)² - s²/K), the reading if it has none. RMS = sign(V) √|V|;
    nothing is clipped at 0.

    Args:
        removals: targets and controls of the same ablation, one per fill.
    """
    variance = variance_of_predictions(removals[0].images)
    found = {
        "D": _mean_over(removals, dropped),
        "S": _mean_over(removals, specific),
        "M": _mean_over(removals, energy),
        "V": _mean_over(removals, specific_square),
        "V+": _mean_over(removals, lambda one: specific_square(one, quiet=True)),
    }
    found["RMS"] = combine(_root, found["V"])
    found["RMS+"] = combine(_root, found["V+"])
    for name, of in {"S_sd": "S", "g": "RMS", "g+": "RMS+"}.items():
        found[name] = combine(_in_sd, found[of], variance)
    return found


def presence_quantities(
    feature: str,
    removals: Sequence[Effects],
    insertions: Sequence[Effects] = (),
    swap: Effects | None = None,
) -> Quantities:
    """Quantities of a feature that images have or lack: a face, a person, an object, text.

    Those of its removal say what it does where it is; T what it does over the data set, the
    total-effect index (Jansen 1999): [p(1 - p)(V_removal + V_insertion) + p² V_swap] / (2 Var f).

    Args:
        feature: the column of the rows that says which images have it.
        removals: targets and controls, one per fill.
        insertions: the feature pasted where it was not, and a neutral patch as control.
        swap: the feature replaced by another image's, with the way there and back.
    """
    images = removals[0].images
    estimates = removal_quantities(removals)
    removed, notes = estimates["V"], []
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

    def total(p: Array, var: Array, out: Array, into: Array, other: Array | float = 0) -> Array:
        return _ratio(p * (1 - p) * (out + into) + p**2 * other, 2 * var)

    estimates["T"] = combine(total, *parts, n=removed.n)
    return Quantities(estimates, notes)


def value_quantities(swap: Effects) -> Quantities:
    """Quantities of a feature's value: palette, spectrum, texture, background; a face for a face.

    V = mean(D² - B²) over the images that have it, RMS = sign(V) √|V|, g = RMS in SDs of the
    clean predictions. T over the data set, the total-effect index (Jansen 1999): p² V / (2 Var f),
    with p the share of images that have the feature, for only where both an image and its donor
    have it is there something to swap; p is 1 unless the swap is bound to a region. Images that
    have the feature and could not be swapped (no donor, a background that fills the image) count
    in p and are taken to be like those that could; images that are not annotated for it count
    nowhere. T+ is T with nothing subtracted, the reading if the swap left no artefact.

    Args:
        swap: values of other images put in, and the way there and back.
    """
    images = swap.images
    variance = variance_of_predictions(images)
    has = mean(images, presence(swap))
    moved = _swapped(swap)
    raw = mean(images, swap_square(swap, quiet=True))

    def total(v: Array, var: Array, p: Array) -> Array:
        return _ratio(p**2 * v, 2 * var)

    found = {"V": moved, "RMS": combine(_root, moved)}
    found |= {
        "T": combine(total, moved, variance, has),
        "T+": combine(total, raw, variance, has),
        "g": combine(_in_sd, found["RMS"], variance),
    }
    return Quantities(found, [])


def presence(swap: Effects) -> Array:
    """Which images have what a swap exchanges, (n,): 1, 0, or NaN where nothing says so."""
    if not swap.bound:
        return np.ones(len(swap.images.predicted))
    if swap.present is not None:
        return swap.present
    return np.isfinite(swap.drop("swap")).any(axis=1).astype(float)


def mean(images: Images, values: Array) -> Estimate:
    """Weighted mean over the audited images that have a value.

    Args:
        images: n of them.
        values: (n,), NaN for images that do not bear on it.
    """
    eligible = np.isfinite(values) & (images.audited > 0)
    weight = np.where(eligible, images.audited, 0.0)
    columns = np.stack([weight * np.where(eligible, values, 0.0), weight], axis=1)
    n = int(eligible.sum())
    reason = "no eligible image" if n == 0 else f"only {n} image{'s' * (n > 1)}" if n < 3 else None
    return Estimate(columns, lambda means: _ratio(means[..., 0], means[..., 1]), n, reason)


def prevalence(images: Images, feature: str) -> Estimate:
    """Share of the whole table's images that have a feature, weighted."""
    present, weight = images.present(feature), images.weight
    columns = np.stack([weight * present, weight], axis=1)
    return Estimate(columns, lambda means: _ratio(means[..., 0], means[..., 1]), len(weight))


def variance_of_predictions(images: Images) -> Estimate:
    """Variance of the clean predictions over the whole table, weighted, with n - 1."""
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


def combine(of: Callable[..., Array], *parts: Estimate, n: int | None = None) -> Estimate:
    """A function of estimates, as an estimate; without a value where a part has none.

    Args:
        of: arrays of the parts' values to an array of values.
        parts: estimates over the same images.
        n: how many images bear on it; by default those of the first part.
    """
    ends = np.cumsum([part.columns.shape[1] for part in parts])[:-1]

    def whole(means: Array) -> Array:
        split = np.split(means, ends, axis=-1)
        return of(*(part.of(some) for part, some in zip(parts, split, strict=True)))

    columns = np.concatenate([part.columns for part in parts], axis=1)
    reason = next((part.reason for part in parts if part.reason), None)
    return Estimate(columns, whole, parts[0].n if n is None else n, reason)


def _mean_over(fills: Sequence[Effects], column: Callable[[Effects], Array]) -> Estimate:
    """Mean of a column, averaged over fills first; says if it lacks the controls it needs."""
    found = mean(fills[0].images, row_mean(np.stack([column(one) for one in fills], axis=1)))
    if found.n == 0 and any(np.isfinite(one.drop("target")).any() for one in fills):
        controlled = any(np.isfinite(one.drop("control")).any() for one in fills)
        why = "one control draw: its variance is unknown" if controlled else "no control draw"
        return replace(found, reason=why)
    return found


def _swapped(swap: Effects) -> Estimate:
    found = mean(swap.images, swap_square(swap))
    if found.n == 0 and np.isfinite(swap.drop("swap")).any():
        return replace(found, reason="no draw there and back")
    return found


def _root(v: Array) -> Array:
    return np.asarray(np.sign(v) * np.sqrt(np.abs(v)))


def _in_sd(effect: Array, variance: Array) -> Array:
    return _ratio(effect, np.sqrt(np.maximum(variance, 0)))


def _ratio(over: Array, under: Array) -> Array:
    with np.errstate(invalid="ignore", divide="ignore"):  # nothing there: NaN
        return np.asarray(np.where(np.asarray(under) > 0, over / under, np.nan))
