"""Is the target's occlusion like its controls'? A permutation test that needs no symmetry.

Null hypothesis: in each image the target's occlusion and its K controls are exchangeable: had
another of the K + 1 been called the target, the drops would have been as likely. Then any of the
(K + 1)^n ways to call one occlusion of each image the target gives a statistic from the same
distribution, whatever the drops' distribution, however skewed, and however images differ, in the
number of their controls too. Images must be independent. Flipping signs of target − mean of
controls instead assumes that this difference is symmetric; the mean of several controls is less
skewed than one target, so it is not.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from memlab.stats.measures import Array

PERMUTATIONS = 9999
_CELLS = 4_000_000  # choices, or standardised statistics, held at once


@dataclass(frozen=True)
class Test:
    """A test of one feature, or the reason why there is none.

    Args:
        n: images that the feature's occlusion and one of its controls at least were scored on.
        z: the statistic in its SDs over all relabellings.
        p: share of relabellings as extreme, the observed one counted.
        p_all: the same against the most extreme of all features (max-T): the probability that any
            feature has a p as small, if none has an effect.
        method: how p was found.
        reason: why there is none.
    """

    __test__ = False  # not one of pytest's

    n: int
    z: float | None = None
    p: float | None = None
    p_all: float | None = None
    method: str | None = None
    reason: str | None = None

    def describe(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)


@dataclass(frozen=True)
class Relabelling:
    """Tests of each feature, in the order of the columns.

    Args:
        energy: M, one-sided: the target's drops lie elsewhere than its controls'.
        specific: S, two-sided: the target's drop is another than the mean of its controls'.
        specific_above: S above 0.
        specific_below: S below 0.
        either: the larger of M and `|S|`, each in its SDs: for whoever acts on either of the two.
    """

    energy: list[Test]
    specific: list[Test]
    specific_above: list[Test]
    specific_below: list[Test]
    either: list[Test]


def relabelling(
    target: Array,
    control: Array,
    seed: int,
    permutations: int = PERMUTATIONS,
    weights: Array | None = None,
) -> Relabelling:
    """Permute within each image which of the K + 1 occlusions is the target.

    The statistics are means over images. S: the target's drop less the mean of its controls'.
    M: the mean distance of the target to its controls less the mean distance among these (the
    energy distance of one occlusion to K; Székely & Rizzo 2013, J. Stat. Plan. Inference 143).
    Both have mean 0 over all relabellings, and are divided by their SD over these, which is the
    same whatever the labels, so features are comparable. One relabelling serves all features of an
    image: how features depend on each other is kept (max-T; Westfall & Young 1993), to the draw
    where they have as many controls, else as nearly as the numbers allow. p-values count the
    observed labels: (1 + as extreme) / (1 + permutations), never 0 (Phipson & Smyth 2010).

    With one control a relabelling flips the sign of the difference, and M is the same for all: such
    images bear on S alone.

    Args:
        target: (n, F) drops of each image by the occlusion of each feature; NaN where it has none.
        control: (n, F, K) drops by its controls; NaN where an image has fewer. An image without any
            does not bear on that feature.
        seed: of the permutation.
        permutations: how many.
        weights: (n,) inverse-inclusion weights; they change the statistics, not the validity.
    """
    order = np.isnan(control).argsort(axis=2, kind="stable")  # what is missing comes last
    control = np.take_along_axis(control, order, axis=2)
    drops = np.concatenate([target[:, :, None], control], axis=2)
    n, features, k = control.shape
    reasons, eligible = _looked_at(drops)
    there = np.isfinite(drops) & eligible[:, :, None]
    counts = there.sum(axis=2)  # (n, F), with the target
    drops = np.where(there, drops, 0.0)
    own = np.where(eligible, 1.0 if weights is None else weights[:, None], 0.0)
    # (n (K + 1), 2 F), M of all features beside S: a relabelling picks one row of each image
    every = [own[:, :, None] * each for each in _of_every_choice(drops, there)]
    squares = [(each**2).sum(axis=2) / np.maximum(counts, 1) for each in every]
    spread = np.sqrt(np.concatenate(squares, axis=1).sum(axis=0))
    table = np.concatenate(every, axis=1).transpose(0, 2, 1).reshape(n * (k + 1), 2 * features)
    largest = np.abs(own[:, :, None] * drops).max(axis=(0, 2), initial=0)
    tested = spread > 1e-12 * np.tile(largest, 2)
    table = np.divide(table, spread, out=np.zeros_like(table), where=tested)
    tested &= np.tile([reason is None for reason in reasons], 2)
    observed = _tails(table[:: k + 1].sum(axis=0)[None], tested)
    hits = {tail: np.ones((2, features)) for tail in observed}
    rng = np.random.default_rng(seed)
    step = max(1, _CELLS // max(n, 2 * features))
    numbers, group = np.unique(np.maximum(counts, 1), axis=1, return_inverse=True)
    groups = np.tile(group.ravel(), 2)  # features with as many controls in every image
    for start in range(0, permutations, step):
        size = min(step, permutations - start)
        share = rng.random((size, n))
        drawn_z = np.empty((size, 2 * features))
        for place, number in enumerate(numbers.T):
            picked = (share * number).astype(np.int64) + (k + 1) * np.arange(n)
            ends = np.arange(size + 1) * n
            choice = sparse.csr_array((np.ones(size * n), picked.ravel(), ends), (size, len(table)))
            drawn_z[:, groups == place] = choice @ table[:, groups == place]
        for tail, drawn in _tails(drawn_z, tested).items():
            least = observed[tail] - 1e-9  # equal but for rounding is equal
            hits[tail][0] += (drawn >= least).sum(axis=0)
            hits[tail][1] += (drawn.max(axis=1, keepdims=True, initial=-np.inf) >= least).sum(
                axis=0
            )
    bearing = eligible.sum(axis=0)
    method = f"relabelling within images, {permutations} permutations"

    def test(tail: str, feature: int) -> Test:
        z, count = float(observed[tail][0, feature]), int(bearing[feature])
        reason = reasons[feature]
        if reason is None and z == -np.inf:
            reason = "all occlusions of an image have the same effect"
            if tail == "energy" and counts[:, feature].max(initial=0) == 2:
                reason = "one control draw: there is no distance between controls"
        if reason is not None:
            return Test(count, reason=reason)
        p, p_all = (float(each) for each in hits[tail][:, feature] / (1 + permutations))
        return Test(count, -z if tail == "specific_below" else z, p, p_all, method)

    return Relabelling(**{tail: [test(tail, f) for f in range(features)] for tail in observed})


def _looked_at(drops: Array) -> tuple[list[str | None], NDArray[np.bool_]]:
    """Why features have no test, (F,), and which images bear on each, (n, F)."""
    eligible: NDArray[np.bool_] = ~np.isnan(drops[:, :, 0])
    eligible &= ~np.isnan(drops[:, :, 1:]).all(axis=2)
    reasons: list[str | None] = []
    for feature, bearing in enumerate(eligible.sum(axis=0)):
        reason = None
        if drops.shape[2] == 1:
            reason = "no control draws"
        elif bearing == 0:
            reason = "no eligible image"
        elif bearing < 3:
            reason = f"only {bearing} image{'s' * int(bearing > 1)}"
        elif np.isinf(drops[:, feature]).any():
            reason = "predictions are not finite"
            eligible[:, feature] = False
        reasons.append(reason)
    return reasons, eligible


def _of_every_choice(drops: Array, there: NDArray[np.bool_]) -> tuple[Array, Array]:
    """M and S of each image were each of its occlusions the target; M is 0 of one control.

    Args:
        drops: (n, F, K + 1), 0 where there is none.
        there: (n, F, K + 1), where there is one.

    Returns:
        Two of (n, F, K + 1), 0 where there is none.
    """
    k = np.maximum(there.sum(axis=2, keepdims=True) - 1, 1)
    specific = np.where(there, ((k + 1) * drops - drops.sum(axis=2, keepdims=True)) / k, 0.0)
    distance = np.zeros_like(drops)  # of each to all others
    for other in range(drops.shape[2]):
        distance += np.abs(drops - drops[:, :, other, None]) * there[:, :, other, None]
    distance = np.where(there, distance, 0.0)
    among = distance.sum(axis=2, keepdims=True) / 2 - distance
    energy = distance / k - among / np.maximum(k * (k - 1) / 2, 1)
    return np.where(there & (k > 1), energy, 0.0), specific


def _tails(z: Array, tested: NDArray[np.bool_]) -> dict[str, Array]:
    """What is compared, (B, F) each: large is extreme; -inf where a feature is not tested."""
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
