"""What one ablation says of each image: the per-image columns that quantities are means of.

All take arrays that `memlab.analysis.arrays` made and return (n,), NaN for images that say
nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from memlab.analysis.arrays import Effects
from memlab.stats.measures import Array


def row_mean(values: Array) -> Array:
    """Mean of each row's finite values, (n, k) to (n,); NaN for rows without any."""
    count = np.isfinite(values).sum(axis=1)
    total = np.where(np.isfinite(values), values, 0.0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def dropped(effects: Effects) -> Array:
    """D, the mean drop of each image over the target's draws: (n,)."""
    return row_mean(effects.drop("target"))


def specific(effects: Effects) -> Array:
    """D - c̄, what an image loses beyond its controls: (n,)."""
    return dropped(effects) - row_mean(effects.drop("control"))


def energy(effects: Effects) -> Array:
    """`mean_k |D - c_k| - mean_{j<k} |c_j - c_k|`: (n,), NaN for fewer than two controls.

    The terms of the energy distance (Székely and Rizzo 2013) that one draw of the target has. Its
    mean is 0 where target and controls are exchangeable, whatever shifts them together.
    """
    targets, controls = effects.drop("target"), effects.drop("control")
    pairs = targets.shape[1] * controls.shape[1]  # not -1: there may be no images
    distances = np.abs(targets[:, :, None] - controls[:, None, :])
    between = row_mean(distances.reshape(len(targets), pairs))
    # Σ_{j<k} |c_j - c_k| is a sum over the sorted controls; NaN sort last and count 0
    ordered = np.sort(controls, axis=1)
    count = np.isfinite(controls).sum(axis=1, keepdims=True)
    factor = 2 * np.arange(1, controls.shape[1] + 1) - count - 1
    total = np.where(np.isfinite(ordered), factor * ordered, 0.0).sum(axis=1)
    count = count[:, 0]
    within = np.where(count > 1, 2 * total / np.maximum(count * (count - 1), 1), np.nan)
    return between - within


def specific_square(effects: Effects, quiet: bool = False) -> Array:
    """(D - c̄)² less what noise adds to it: (n,), NaN for fewer than two controls.

    Args:
        effects: with targets and controls.
        quiet: take the target to have no noise of its own: s²/K is subtracted, not (1 + 1/K) s².
    """
    targets, controls = effects.drop("target"), effects.drop("control")
    count = np.isfinite(controls).sum(axis=1)
    mean = row_mean(controls)
    squares = np.where(np.isfinite(controls), (controls - mean[:, None]) ** 2, 0.0).sum(axis=1)
    variance = np.where(count > 1, squares / np.maximum(count - 1, 1), np.nan)
    share = 1 / np.maximum(count, 1) + (0 if quiet else 1)
    return np.asarray(row_mean((targets - mean[:, None]) ** 2) - share * variance)


def swap_square(effects: Effects, quiet: bool = False) -> Array:
    """D² - B² of a swap and its way there and back, averaged over draws: (n,).

    Args:
        effects: with swaps, and with the way there and back unless `quiet`.
        quiet: take the swap to leave no artefact: nothing is subtracted.
    """
    moved = row_mean(effects.drop("swap") ** 2)
    return moved if quiet else moved - row_mean(effects.drop("there-and-back") ** 2)


def occlusions(features: Sequence[Sequence[Effects]]) -> tuple[Array, Array]:
    """What `relabelling` permutes: each feature's target, (n, F), and its controls, (n, F, K).

    Drops are averaged over fills draw by draw: a draw is one placement, whatever fills it. Of a
    target with several draws only the first is taken, since the mean of several is not exchangeable
    with one control. What is missing is NaN: a feature, or an image, with fewer controls than
    others has NaN in the last places, one without targets or controls in all.

    Args:
        features: the removals of each feature, one per fill; one feature at least.
    """
    n = len(features[0][0].images.predicted)
    k = max(min(one.drop("control").shape[1] for one in fills) for fills in features)

    def drops(role: str, draws: int) -> Array:
        """(n, features, draws): the mean over fills."""
        found = np.full((n, len(features), draws), np.nan)
        for feature, fills in enumerate(features):
            of_fills = [one.drop(role)[:, :draws] for one in fills]
            common = min(values.shape[1] for values in of_fills)
            cut = [values[:, :common] for values in of_fills]
            found[:, feature, :common] = np.mean(cut, axis=0)
        return found

    return drops("target", 1)[:, :, 0], drops("control", k)
