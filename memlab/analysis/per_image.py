"""Per-image columns of one ablation; the quantities are means of these columns.

All functions take arrays from `memlab.analysis.arrays` and return (n,), NaN for images without a
value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from memlab.analysis.arrays import ImageEffects
from memlab.stats.measures import Array


def row_mean(values: Array) -> Array:
    """Return the mean of each row's finite values, (n, k) to (n,); NaN for rows without any."""
    count = np.isfinite(values).sum(axis=1)
    total = np.where(np.isfinite(values), values, 0.0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def over_fills(removals: Sequence[ImageEffects]) -> ImageEffects:
    """Return effects averaged over fills, for each draw: a draw has one position with any fill.

    Args:
        removals: the same region removed with different fills, at least one.
    """
    first = removals[0]
    if len(removals) == 1:
        return first
    by_role = {}
    shaped = any("matched" in effects.by_role for effects in removals)
    for role in ("target", "control", *(["matched"] if shaped else [])):
        parts = [
            effects.exchangeable if role == "matched" else effects.of(role) for effects in removals
        ]
        by_role[role] = _mean_of_fills(parts)
    return replace(first, by_role=by_role)


def _mean_of_fills(parts: Sequence[Array]) -> Array:
    """Return the mean of the finite values over fills, by draw; draws that all fills have.

    Args:
        parts: (n, draws) of each fill.
    """
    draws = min(part.shape[1] for part in parts)
    stacked = np.stack([part[:, :draws] for part in parts], axis=2)
    n, _, fills = stacked.shape
    return row_mean(stacked.reshape(n * draws, fills)).reshape(n, draws)


def own_square(effects: ImageEffects) -> Array:
    """Return D̄² - s_D²/m, without controls: (n,); s_D² of a single draw counts as 0."""
    targets = effects.of("target")
    square = row_mean(targets) ** 2
    return square if targets.shape[1] == 1 else square - row_variance(targets) / _count(targets)


def mean_effect(effects: ImageEffects) -> Array:
    """Return D, the mean effect on each image over the target's draws: (n,)."""
    return row_mean(effects.of("target"))


def specific(effects: ImageEffects) -> Array:
    """Return D - c̄, the specific effect on each image: (n,)."""
    return mean_effect(effects) - row_mean(effects.of("control"))


def energy(effects: ImageEffects) -> Array:
    """Return `mean_k |D - c_k| - mean_{j<k} |c_j - c_k|`: (n,), NaN with fewer than two controls.

    These are the terms of the energy distance (Székely and Rizzo 2013) that involve one draw of the
    target, averaged over the target's draws. The mean is 0 if each draw is exchangeable with the
    controls, also if they are shifted together. The distance between two draws of the target is
    left out: they share a position, and controls do not. Random shapes are no such controls.
    """
    targets, controls = effects.of("target"), effects.exchangeable
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


def specific_square(effects: ImageEffects) -> Array:
    """Return (D̄ - c̄)² - s_D²/m - s²/K: (n,), NaN with fewer than two controls.

    D̄ is the mean and s_D² the variance of the target's m draws. The mean over images is unbiased
    for the mean squared distance between the expected effects of the target and of its controls,
    for any noise of either. With one draw of the target, s_D² is unknown and counts as 0, so the
    result is an upper bound. An image that lost all draws but one has NaN.
    """
    targets, controls = effects.of("target"), effects.of("control")
    noise = row_variance(controls) / _count(controls)
    if targets.shape[1] > 1:
        noise = noise + row_variance(targets) / _count(targets)
    return specific(effects) ** 2 - noise


def excess_square(effects: ImageEffects) -> Array:
    """Return mean_j (D_j - c̄)² - (1 + 1/K) s²: (n,), NaN with fewer than two controls.

    The mean over images is 0 if each draw of the target is exchangeable with the controls.
    Compared with `specific_square`, this also subtracts the variance between the positions of the
    controls. It is too small if the effect of the target's position varies less.
    """
    targets, controls = effects.of("target"), effects.of("control")
    share = 1 / _count(controls) + 1
    square = row_mean((targets - row_mean(controls)[:, None]) ** 2)
    return np.asarray(square - share * row_variance(controls))


def row_variance(values: Array) -> Array:
    """Return the variance of each row's finite values, (n, k) to (n,); NaN with fewer than two."""
    count = _count(values)
    squares = np.where(np.isfinite(values), (values - row_mean(values)[:, None]) ** 2, 0.0)
    return np.where(count > 1, squares.sum(axis=1) / np.maximum(count - 1, 1), np.nan)


def _count(values: Array) -> Array:
    """Return the number of each row's finite values, at least 1: (n,)."""
    return np.asarray(np.maximum(np.isfinite(values).sum(axis=1), 1), dtype=float)


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
    first draw of a target is used. The mean of several draws is less noisy than one control, and
    several draws share a position, while controls lie at different positions, so neither is
    exchangeable with the controls; random shapes are not, either. Missing values are NaN: a feature
    or an image with fewer controls has NaN in the last positions, and without targets or controls
    in all.

    Args:
        features: the removals of each feature, one per fill; at least one feature.
    """
    n = len(features[0][0].images.predicted)
    k = max(min(effects.of("control").shape[1] for effects in fills) for fills in features)

    def effects_in(role: str, draws: int) -> Array:
        """Return the mean over fills, (n, features, draws)."""
        by_feature = np.full((n, len(features), draws), np.nan)
        for feature, fills in enumerate(features):
            of_fills = [
                (effects.exchangeable if role == "control" else effects.of(role))[:, :draws]
                for effects in fills
            ]
            means = _mean_of_fills(of_fills)
            by_feature[:, feature, : means.shape[1]] = means
        return by_feature

    return effects_in("target", 1)[:, :, 0], effects_in("control", k)
