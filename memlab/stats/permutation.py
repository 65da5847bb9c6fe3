"""Permutation test within image: does removing a target differ from removing its controls?

Null hypothesis: in each image, the occlusion of the target and its K controls are exchangeable. Any
of the (K + 1)^n ways to choose one occlusion per image as the target then gives a statistic from
the same distribution. This holds for any distribution of the effects, however skewed, and for
images that differ, also in their number of controls. Images must be independent. Flipping signs of
target − mean of controls would assume that this difference is symmetric. It is not, because the
mean of several controls is less skewed than one target.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from memlab.stats.measures import Array

PERMUTATIONS = 9999
_CELLS = 4_000_000  # choices, or standardised statistics, held in memory at once


@dataclass(frozen=True)
class Test:
    """Test of one feature, or the reason why there is none.

    Args:
        n: number of images with a score for the target and for at least one control.
        z: the statistic in its SDs over all permutations.
        p: share of permutations that are as extreme, the observed labels included.
        p_all: share of permutations whose most extreme feature is as extreme (max-T): the
            probability that any feature has a p this small if none has an effect.
        method: how p was computed.
        reason: why there is no test.
    """

    __test__ = False  # not a pytest class

    n: int
    z: float | None = None
    p: float | None = None
    p_all: float | None = None
    method: str | None = None
    reason: str | None = None

    def describe(self) -> dict[str, Any]:
        """Return the fields as plain data."""
        return asdict(self)


@dataclass(frozen=True)
class PermutationTests:
    """Tests of each feature, in the order of the columns.

    Args:
        energy: M, one-sided: the target's effects are distributed differently from the controls'.
        specific: S, two-sided: the target's effect differs from the mean of its controls'.
        specific_above: S above 0.
        specific_below: S below 0.
        either: the larger of M and `|S|`, each in its SDs, for decisions based on either of them.
    """

    energy: list[Test]
    specific: list[Test]
    specific_above: list[Test]
    specific_below: list[Test]
    either: list[Test]


def permutation_tests(
    target: Array,
    control: Array,
    seed: int,
    permutations: int = PERMUTATIONS,
    weights: Array | None = None,
) -> PermutationTests:
    """Test each feature by permuting within each image which of the K + 1 occlusions is the target.

    The statistics are means over images. S is the target's effect minus the mean of its controls'.
    M is the mean distance of the target to its controls minus the mean distance among the controls
    (the energy distance of one occlusion to K; Székely & Rizzo 2013, J. Stat. Plan. Inference 143).
    Both have mean 0 over all permutations. Each is divided by its SD over all permutations, which
    does not depend on the observed labels, so features are comparable. One permutation serves all
    features of an image, which preserves the dependence between features (max-T; Westfall & Young
    1993): exactly if features have equal numbers of controls, else approximately. p-values count
    the observed labels: (1 + as extreme) / (1 + permutations), never 0 (Phipson & Smyth 2010).

    With one control, a permutation flips the sign of the difference and M is constant; such images
    contribute to S only.

    Args:
        target: (n, F) effects of occluding each feature; NaN where an image has no target.
        control: (n, F, K) effects of its controls; NaN where an image has fewer. An image without
            controls does not contribute to the feature.
        seed: seed of the permutations.
        permutations: number of permutations.
        weights: (n,) inverse-inclusion weights; they change the statistics, not the validity.
    """
    order = np.isnan(control).argsort(axis=2, kind="stable")  # missing controls come last
    control = np.take_along_axis(control, order, axis=2)
    effects = np.concatenate([target[:, :, None], control], axis=2)
    n, features, k = control.shape
    reasons, eligible = _eligibility(effects)
    measured = np.isfinite(effects) & eligible[:, :, None]
    counts = measured.sum(axis=2)  # (n, F), target included
    effects = np.where(measured, effects, 0.0)
    weight = np.where(eligible, 1.0 if weights is None else weights[:, None], 0.0)
    # (n (K + 1), 2 F): M of all features, then S; a permutation selects one row per image
    per_choice = [
        weight[:, :, None] * statistic for statistic in _of_every_choice(effects, measured)
    ]
    squares = [(statistic**2).sum(axis=2) / np.maximum(counts, 1) for statistic in per_choice]
    spread = np.sqrt(np.concatenate(squares, axis=1).sum(axis=0))
    table = np.concatenate(per_choice, axis=1).transpose(0, 2, 1).reshape(n * (k + 1), 2 * features)
    largest = np.abs(weight[:, :, None] * effects).max(axis=(0, 2), initial=0)
    tested = spread > 1e-12 * np.tile(largest, 2)
    table = np.divide(table, spread, out=np.zeros_like(table), where=tested)
    tested &= np.tile([reason is None for reason in reasons], 2)
    observed = _tails(table[:: k + 1].sum(axis=0)[None], tested)
    hits = {tail: np.ones((2, features)) for tail in observed}
    rng = np.random.default_rng(seed)
    step = max(1, _CELLS // max(n, 2 * features))
    numbers, group = np.unique(np.maximum(counts, 1), axis=1, return_inverse=True)
    groups = np.tile(group.ravel(), 2)  # features with equal numbers of controls in every image
    for start in range(0, permutations, step):
        size = min(step, permutations - start)
        share = rng.random((size, n))
        drawn_z = np.empty((size, 2 * features))
        for index, number in enumerate(numbers.T):
            picked = (share * number).astype(np.int64) + (k + 1) * np.arange(n)
            ends = np.arange(size + 1) * n
            choice = sparse.csr_array((np.ones(size * n), picked.ravel(), ends), (size, len(table)))
            drawn_z[:, groups == index] = choice @ table[:, groups == index]
        for tail, drawn in _tails(drawn_z, tested).items():
            least = observed[tail] - 1e-9  # tolerance for rounding in ties
            hits[tail][0] += (drawn >= least).sum(axis=0)
            hits[tail][1] += (drawn.max(axis=1, keepdims=True, initial=-np.inf) >= least).sum(
                axis=0
            )
    bearing = eligible.sum(axis=0)
    method = f"permutation within images, {permutations} permutations"

    def test(tail: str, feature: int) -> Test:
        z, count = float(observed[tail][0, feature]), int(bearing[feature])
        reason = reasons[feature]
        if reason is None and z == -np.inf:
            reason = "all occlusions of an image have the same effect"
            if tail == "energy" and counts[:, feature].max(initial=0) == 2:
                reason = "one control draw: there is no distance between controls"
        if reason is not None:
            return Test(count, reason=reason)
        p, p_all = (float(count) for count in hits[tail][:, feature] / (1 + permutations))
        return Test(count, -z if tail == "specific_below" else z, p, p_all, method)

    return PermutationTests(**{tail: [test(tail, f) for f in range(features)] for tail in observed})


def _eligibility(effects: Array) -> tuple[list[str | None], NDArray[np.bool_]]:
    """Return why features have no test, (F,), and which images contribute to each, (n, F)."""
    eligible: NDArray[np.bool_] = ~np.isnan(effects[:, :, 0])
    eligible &= ~np.isnan(effects[:, :, 1:]).all(axis=2)
    reasons: list[str | None] = []
    for feature, bearing in enumerate(eligible.sum(axis=0)):
        reason = None
        if effects.shape[2] == 1:
            reason = "no control draws"
        elif bearing == 0:
            reason = "no eligible image"
        elif bearing < 3:
            reason = f"only {bearing} image{'s' * int(bearing > 1)}"
        elif np.isinf(effects[:, feature]).any():
            reason = "predictions are not finite"
            eligible[:, feature] = False
        reasons.append(reason)
    return reasons, eligible


def _of_every_choice(effects: Array, measured: NDArray[np.bool_]) -> tuple[Array, Array]:
    """Return M and S of each image for each choice of the target; M is 0 with one control.

    Args:
        effects: (n, F, K + 1) effects, 0 where missing.
        measured: (n, F, K + 1), whether there is an effect.

    Returns:
        Two arrays (n, F, K + 1), 0 where missing.
    """
    k = np.maximum(measured.sum(axis=2, keepdims=True) - 1, 1)
    specific = np.where(measured, ((k + 1) * effects - effects.sum(axis=2, keepdims=True)) / k, 0.0)
    distance = np.zeros_like(effects)  # from each occlusion to all others
    for other in range(effects.shape[2]):
        distance += np.abs(effects - effects[:, :, other, None]) * measured[:, :, other, None]
    distance = np.where(measured, distance, 0.0)
    among = distance.sum(axis=2, keepdims=True) / 2 - distance
    energy = distance / k - among / np.maximum(k * (k - 1) / 2, 1)
    return np.where(measured & (k > 1), energy, 0.0), specific


def _tails(z: Array, tested: NDArray[np.bool_]) -> dict[str, Array]:
    """Return the compared values, (B, F) each: large is extreme, -inf is not tested."""
    features = z.shape[1] // 2
    energy = np.where(tested[:features], z[:, :features], -np.inf)
    above = np.where(tested[features:], z[:, features:], -np.inf)
    below = np.where(tested[features:], -z[:, features:], -np.inf)
    specific = np.maximum(above, below)
    return {
        "energy": energy,
        "specific": specific,
        "specific_above": above,
        "specific_below": below,
        "either": np.maximum(energy, specific),
    }
