"""P and Q: what changed pictures do to the rank correlation with people's scores.

The arrays are what a paired bootstrap needs: all correlations of a resample are of the same
pictures.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

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
        score: (m,) people's scores.
        reference: (m, draws) predictions that `changed` is compared with.
        changed: (m, draws) predictions of the changed pictures. A picture that lacks some draws has
            its others in their place, in turn.
        weight: (m,) inverse-inclusion weights.
        reason: why there is no correlation.
    """

    score: Array
    reference: Array
    changed: Array
    weight: Array
    reason: str | None = None


def performance_loss(effects: Effects) -> Correlated:
    """P = ρ(f(control), y) - ρ(f(target), y), over pictures that have both.

    Args:
        effects: with targets and controls.
    """
    return _correlated(effects, "control", "target", "control draw")


def sufficiency(effects: Effects) -> Correlated:
    """Q = ρ(f(reduced), y) against ρ(f(clean), y), over pictures that could be reduced.

    Args:
        effects: whose targets are pictures reduced to one kind of information.
    """
    return _correlated(effects, None, "target", "picture")


def mean_correlation(predicted: Array, score: Array, weight: Array | None = None) -> float | None:
    """Mean over draws of Spearman's ρ, weighted mid-ranks; None where a draw is constant.

    Args:
        predicted: (m, draws).
        score: (m,).
        weight: (m,) how often each picture counts; once, by default.
    """
    counts = (np.ones(len(score)) if weight is None else weight)[None]
    true = ranks(score, counts)
    each = [correlation(ranks(draw, counts), true, counts)[0] for draw in predicted.T]
    found = float(np.mean(each)) if each else np.nan
    return found if np.isfinite(found) else None


def loss(pair: Correlated) -> float | None:
    """ρ of the reference minus ρ of the changed pictures, or None where there is a reason."""
    if pair.reason:
        return None
    before = mean_correlation(pair.reference, pair.score, pair.weight)
    after = mean_correlation(pair.changed, pair.score, pair.weight)
    return None if before is None or after is None else before - after


def _correlated(effects: Effects, reference: str | None, changed: str, lacking: str) -> Correlated:
    pictures = effects.pictures
    clean = pictures.predicted[:, None]
    after = clean - effects.drop(changed)
    before = clean if reference is None else clean - effects.drop(reference)
    eligible = np.isfinite(after).any(axis=1) & (pictures.audited > 0)
    both = eligible & np.isfinite(before).any(axis=1)
    score, weight = pictures.score[both], pictures.audited[both]
    before, after = _in_turn(before[both]), _in_turn(after[both])
    reason = None
    if not both.any():
        reason = f"no {lacking}" if eligible.any() else "no eligible picture"
    elif both.sum() < 3:
        reason = f"only {int(both.sum())} pictures"
    elif not np.isfinite(score).all():
        reason = "scores are missing"
    elif constant(score):
        reason = "scores are constant"
    elif any(constant(draw) for draw in [*before.T, *after.T]):
        reason = "predictions are constant"
    return Correlated(score, before, after, weight, reason)


def _in_turn(values: Array) -> Array:
    """(m, draws) with a row's missing draws replaced by its others, in turn."""
    missing = ~np.isfinite(values)
    ordered = np.take_along_axis(values, np.argsort(missing, axis=1, kind="stable"), axis=1)
    there = np.maximum((~missing).sum(axis=1, keepdims=True), 1)
    return np.take_along_axis(ordered, np.arange(values.shape[1]) % there, axis=1)
