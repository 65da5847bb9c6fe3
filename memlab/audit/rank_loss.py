"""P and Q: what changed pictures do to the rank correlation with people's scores.

The arrays are what a paired bootstrap needs: all correlations of a resample are of the same
pictures.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memlab.audit.rows import Effects
from memlab.metrics.functional import Array, constant
from memlab.metrics.pairs import correlation, ranks


@dataclass(frozen=True)
class Correlated:
    """Predictions of the same pictures in two states, beside what people gave.

    The correlation of a state is the mean over draws of each draw's ρ. The ρ of averaged draws
    would be higher than that of one draw, which is all that the other state may have: eight
    averaged controls against one exchangeable target would look like a loss.

    Args:
        score: (n,) people's scores.
        reference: (n, draws) predictions that `changed` is compared with.
        changed: (n, draws) predictions of the changed pictures. A picture that lacks some draws has
            its others in their place, in turn.
        among: (n,) the pictures that bear on it; the others may hold NaN.
        weight: (n,) inverse-inclusion weights.
        reason: why there is no correlation.
    """

    score: Array
    reference: Array
    changed: Array
    among: NDArray[np.bool_]
    weight: Array
    reason: str | None = None


def performance_loss(effects: Effects) -> Correlated:
    """P = ρ(f(control), y) - ρ(f(target), y), over pictures that have both.

    Args:
        effects: with targets and controls.
    """
    return _correlated(effects, "control", "target", "no control draw")


def sufficiency(effects: Effects) -> Correlated:
    """Q = ρ(f(reduced), y) against ρ(f(clean), y), over pictures that could be reduced.

    Args:
        effects: whose targets are pictures reduced to one kind of information.
    """
    return _correlated(effects, None, "target")


def mean_correlation(predicted: Array, pair: Correlated) -> float | None:
    """Mean over draws of Spearman's ρ, weighted mid-ranks; None where a draw is constant.

    Args:
        predicted: (n, draws), the reference of the pair or its changed pictures.
        pair: scores, weights, and which pictures count.
    """
    counts = pair.weight[None, pair.among]
    true = ranks(pair.score[pair.among], counts)
    each = [correlation(ranks(x, counts), true, counts)[0] for x in predicted[pair.among].T]
    found = float(np.mean(each)) if each else np.nan
    return found if np.isfinite(found) else None


def loss(pair: Correlated) -> float | None:
    """ρ of the reference minus ρ of the changed pictures, or None where there is a reason."""
    if pair.reason:
        return None
    before = mean_correlation(pair.reference, pair)
    after = mean_correlation(pair.changed, pair)
    return None if before is None or after is None else before - after


def _correlated(
    effects: Effects, reference: str | None, changed: str, lacking: str | None = None
) -> Correlated:
    pictures = effects.pictures
    clean = pictures.predicted[:, None]
    after = clean - effects.drop(changed)
    before = clean if reference is None else clean - effects.drop(reference)
    eligible = np.isfinite(after).any(axis=1) & (pictures.audited > 0)
    among = eligible & np.isfinite(before).any(axis=1)
    before, after = _in_turn(before), _in_turn(after)
    score = pictures.score[among]
    reason = None
    if not among.any():
        reason = "no eligible picture" if lacking is None or not eligible.any() else lacking
    elif len(score) < 3:
        reason = f"only {len(score)} pictures"
    elif not np.isfinite(score).all():
        reason = "scores are missing"
    elif constant(score):
        reason = "scores are constant"
    elif any(constant(draw) for draw in np.hstack([before, after])[among].T):
        reason = "predictions are constant"
    return Correlated(pictures.score, before, after, among, pictures.audited, reason)


def _in_turn(values: Array) -> Array:
    """(m, draws) with a row's missing draws replaced by its others, in turn."""
    missing = ~np.isfinite(values)
    ordered = np.take_along_axis(values, np.argsort(missing, axis=1, kind="stable"), axis=1)
    there = np.maximum((~missing).sum(axis=1, keepdims=True), 1)
    return np.take_along_axis(ordered, np.arange(values.shape[1]) % there, axis=1)
