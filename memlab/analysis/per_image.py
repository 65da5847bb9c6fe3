"""Per-image columns of one ablation; the quantities are means of these columns.

All functions take arrays from `memlab.analysis.arrays` and return (n,), NaN for images without a
value.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from memlab.analysis.arrays import ImageEffects
from memlab.stats.measures import Array


def row_mean(values: Array) -> Array:
    """Return the mean of each row's finite values, (n, k) to (n,); NaN for rows without any."""
    count = np.isfinite(values).sum(axis=1)
    total = np.where(np.isfinite(values), values, 0.0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def mean_effect(effects: ImageEffects) -> Array:
    """Return D, the mean effect on each image over the target's draws: (n,)."""
    return row_mean(effects.of("target"))


def specific(effects: ImageEffects) -> Array:
    """Return D - c̄, the specific effect on each image: (n,)."""
    return mean_effect(effects) - row_mean(effects.of("control"))


def energy(effects: ImageEffects) -> Array:
    """Return `mean_k |D - c_k| - mean_{j<k} |c_j - c_k|`: (n,), NaN with fewer than two controls.

    These are the terms of the energy distance (Székely and Rizzo 2013) that involve one draw of the
    target. The mean is 0 if target and controls are exchangeable, also if they are shifted
    together.
    """
    targets, controls = effects.of("target"), effects.of("control")
    pairs = targets.shape[1] * controls.shape[1]  # -1 fails if there are no images
    distances = np.abs(targets[:, :, None] - controls[:, None, :])
    between = row_mean(distances.reshape(len(targets), pairs))
    # Σ_{j<k} |c_j - c_k| is a sum over the sorted controls; NaN values sort last and count as 0.
    ordered = np.sort(controls, axis=1)
    count = np.isfinite(controls).sum(axis=1, keepdims=True)
    factor = 2 * np.arange(1, controls.shape[1] + 1) - count - 1
    total = np.where(np.isfinite(ordered), factor * ordered, 0.0).sum(axis=1)
    count = count[:, 0]
    within = np.where(count > 1, 2 * total / np.maximum(count * (count - 1), 1), np.nan)
    return between - within


def specific_square(effects: ImageEffects, quiet: bool = False) -> Array:
    """Return (D - c̄)² minus the contribution of noise: (n,), NaN with fewer than two controls.

    Args:
        effects: effects with targets and controls.
        quiet: assume that the target has no noise of its own: s²/K is subtracted, not (1 + 1/K) s².
    """
    targets, controls = effects.of("target"), effects.of("control")
    count = np.isfinite(controls).sum(axis=1)
    mean = row_mean(controls)
    squares = np.where(np.isfinite(controls), (controls - mean[:, None]) ** 2, 0.0).sum(axis=1)
    variance = np.where(count > 1, squares / np.maximum(count - 1, 1), np.nan)
    share = 1 / np.maximum(count, 1) + (0 if quiet else 1)
    return np.asarray(row_mean((targets - mean[:, None]) ** 2) - share * variance)


def swap_square(effects: ImageEffects, quiet: bool = False) -> Array:
    """Return D² - B² of a swap and its round trip, averaged over draws: (n,).

    Args:
        effects: effects with swaps, and with round trips unless `quiet`.
        quiet: assume that the swap leaves no artefact: nothing is subtracted.
    """
    moved = row_mean(effects.of("swap") ** 2)
    return moved if quiet else moved - row_mean(effects.of("round-trip") ** 2)


def occlusions(features: Sequence[Sequence[ImageEffects]]) -> tuple[Array, Array]:
    """Return each feature's target, (n, F), and its controls, (n, F, K), for `permutation_tests`.

    Effects are averaged over fills for each draw: a draw is one position, with any fill. Only the
    first draw of a target is used, because the mean of several draws is not exchangeable with one
    control. Missing values are NaN: a feature or an image with fewer controls has NaN in the last
    positions, and without targets or controls in all.

    Args:
        features: the removals of each feature, one per fill; at least one feature.
    """
    n = len(features[0][0].images.predicted)
    k = max(min(effects.of("control").shape[1] for effects in fills) for fills in features)

    def effects_in(role: str, draws: int) -> Array:
        """Return the mean over fills, (n, features, draws)."""
        by_feature = np.full((n, len(features), draws), np.nan)
        for feature, fills in enumerate(features):
            of_fills = [effects.of(role)[:, :draws] for effects in fills]
            common = min(values.shape[1] for values in of_fills)
            cut = [values[:, :common] for values in of_fills]
            by_feature[:, feature, :common] = np.mean(cut, axis=0)
        return by_feature

    return effects_in("target", 1)[:, :, 0], effects_in("control", k)
